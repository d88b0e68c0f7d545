// The times flow_euler tells the network: those that the trainer's flow maps are trained on
// (tests/training/flow_map_objective_test.cpp).

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "samplers/registry.h"
#include "samplers/scheduler_config.h"

namespace rivulet {
namespace {

TEST(FlowEuler, StepsFromNoiseToDataInEqualSteps) {
  const SamplerConfig config = modelConfig(nlohmann::json{{"kind", "flow"}, {"shift", 1.0}}, "sample");
  ASSERT_EQ(config.sampler, "flow_euler");
  for (const int n : {1, 2, 4, 8}) {
    const StepPlan plan = makeStepPlan(config, n);
    ASSERT_EQ(plan.calls.size(), static_cast<std::size_t>(n));
    for (int i = 0; i < n; ++i) {
      const ModelCall& call = plan.calls[static_cast<std::size_t>(i)];
      EXPECT_DOUBLE_EQ(call.timestep, static_cast<double>(n - i) / n);
      EXPECT_DOUBLE_EQ(call.t, static_cast<double>(n - i) / n);
      EXPECT_DOUBLE_EQ(call.nextT, static_cast<double>(n - i - 1) / n);
      // x0 is what the network returns, and x_s = (s/t) x_t + (1 - s/t) x0.
      EXPECT_DOUBLE_EQ(call.p, 0);
      EXPECT_DOUBLE_EQ(call.q, 1);
      EXPECT_NEAR(call.next.a, call.nextT / call.t, 1e-12);
      EXPECT_NEAR(call.next.b, 1 - call.nextT / call.t, 1e-12);
    }
  }
}

}  // namespace
}  // namespace rivulet
