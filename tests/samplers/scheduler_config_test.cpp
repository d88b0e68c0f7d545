#include "samplers/scheduler_config.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "core/error.h"
#include "samplers/registry.h"
#include "support/expect_error.h"

namespace rivulet {
namespace {

using nlohmann::json;
using test::messageOf;

std::string refused(const char* className, const json& options, ErrorCode code = ErrorCode::Unsupported) {
  return messageOf([&] { schedulerConfig(className, options); }, code);
}

TEST(SchedulerConfig, DefaultsAreTheClasses) {
  for (const std::string_view name : schedulerClassNames()) {
    const SamplerConfig config = schedulerConfig(name, json::object());
    EXPECT_NO_THROW(makeStepPlan(config, 10)) << name;
  }
  EXPECT_TRUE(schedulerConfig("DDPMScheduler", json::object()).clip);
  EXPECT_TRUE(schedulerConfig("DDIMScheduler", json::object()).clip);
  EXPECT_FALSE(schedulerConfig("HeunDiscreteScheduler", json::object()).clip);
  EXPECT_EQ(schedulerConfig("LCMScheduler", json::object()).process.kind, ProcessKind::VpScaledLinear);
  EXPECT_EQ(schedulerConfig("EulerDiscreteScheduler", json::object()).spacing, TimestepSpacing::Linspace);
  EXPECT_EQ(schedulerConfig("FlowMatchEulerDiscreteScheduler", json::object()).process.timestepScale, 1000.0);
}

// The files of a DDPM of 2022 and of a latent-diffusion DDIM, with their leftovers.
TEST(SchedulerConfig, ReadsFilesAsTheyAre) {
  const SamplerConfig ddpm = parseSchedulerConfig(R"({
    "_class_name": "DDPMScheduler", "_diffusers_version": "0.1.1", "beta_end": 0.02, "beta_schedule": "linear",
    "beta_start": 0.0001, "clip_sample": true, "num_train_timesteps": 1000, "timestep_values": null,
    "trained_betas": null, "variance_type": "fixed_large"})");
  EXPECT_EQ(ddpm.sampler, "ddpm");
  EXPECT_EQ(ddpm.variance, VarianceType::FixedLarge);
  const SamplerConfig ddim = parseSchedulerConfig(R"({
    "_class_name": "DDIMScheduler", "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085,
    "clip_sample": false, "num_train_timesteps": 1000, "set_alpha_to_one": false, "skip_prk_steps": true,
    "steps_offset": 1, "trained_betas": null})");
  EXPECT_EQ(ddim.stepsOffset, 1);
  EXPECT_FALSE(ddim.setAlphaToOne);
  EXPECT_EQ(makeStepPlan(ddim, 50).calls.back().timestep, 1.0);
  EXPECT_GT(makeStepPlan(ddim, 50).calls.back().nextT, 0.0);
  const SamplerConfig dpm = parseSchedulerConfig(
      R"({"_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": -Infinity, "solver_order": 3,
          "_note": "a \"-Infinity\" in a string stays"})");
  EXPECT_EQ(dpm.sampler, "dpmpp_3m");
  EXPECT_FALSE(dpm.lambdaMinClipped.has_value());
}

TEST(SchedulerConfig, CombinationsThatMakePlans) {
  const auto calls = [](const char* className, const json& options, int steps) {
    return makeStepPlan(schedulerConfig(className, options), steps).calls;
  };
  const char* dpm = "DPMSolverMultistepScheduler";
  const char* uni = "UniPCMultistepScheduler";
  EXPECT_EQ(calls(dpm, {{"use_lu_lambdas", true}}, 12).size(), 12u);
  EXPECT_EQ(calls(dpm, {{"use_exponential_sigmas", true}, {"beta_schedule", "squaredcos_cap_v2"}}, 12).size(), 12u);
  EXPECT_EQ(
      calls(dpm, {{"solver_type", "heun"}, {"euler_at_final", true}, {"final_sigmas_type", "sigma_min"}}, 20).size(),
      20u);
  EXPECT_EQ(calls(dpm, {{"rescale_betas_zero_snr", true}, {"timestep_spacing", "trailing"}}, 20).size(), 20u);
  const auto cut = calls(dpm, {{"lambda_min_clipped", -3.0}, {"beta_schedule", "squaredcos_cap_v2"}}, 10);
  EXPECT_LT(cut.front().timestep, 999.0);
  const auto flow =
      calls(uni, {{"use_flow_sigmas", true}, {"prediction_type", "flow_prediction"}, {"flow_shift", 3.0}}, 8);
  EXPECT_NEAR(flow.front().t, 3.0 * 0.999 / (1.0 + 2.0 * 0.999), 1e-12);
  EXPECT_EQ(flow.front().timestep, 999.0);
  EXPECT_EQ(flow.back().nextT, 0.0);
  for (const char* type : {"bh1", "bh2"}) {
    EXPECT_EQ(calls(uni, {{"solver_order", 3}, {"solver_type", type}, {"use_karras_sigmas", true}}, 9).size(), 9u);
  }
  EXPECT_EQ(calls("FlowMatchEulerDiscreteScheduler", {{"use_karras_sigmas", true}}, 6).size(), 6u);
  EXPECT_EQ(
      calls("DDIMScheduler",
            {{"rescale_betas_zero_snr", true}, {"prediction_type", "v_prediction"}, {"timestep_spacing", "trailing"}},
            5)
          .front()
          .alpha,
      0.0);
  EXPECT_EQ(calls("DDPMScheduler", {{"predict_epsilon", false}}, 5).front().q, 1.0);
  EXPECT_EQ(calls("DDPMScheduler", {{"trained_betas", {0.1, 0.2, 0.3}}, {"num_train_timesteps", 3}}, 3).size(), 3u);
}

TEST(SchedulerConfig, AnotherSamplerOnTheSameModel) {
  const SamplerConfig ddpm = schedulerConfig("DDPMScheduler", {{"prediction_type", "v_prediction"}});
  for (const char* name : {"ddim", "dpmpp_2m", "unipc", "euler", "heun", "consistency"}) {
    const SamplerConfig config = withSampler(ddpm, name);
    EXPECT_TRUE(config.clip);
    EXPECT_FALSE(config.fixedStride);
    EXPECT_EQ(makeStepPlan(config, 6).calls.front().timestep, 999.0) << name;
  }
}

TEST(SchedulerConfig, CallOptions) {
  SamplerConfig config = schedulerConfig("DDIMScheduler", json::object());
  applyCallOptions(config, {{"eta", 0.5}, {"use_clipped_model_output", true}});
  EXPECT_EQ(config.eta, 0.5);
  EXPECT_TRUE(config.useClippedModelOutput);
  EXPECT_EQ(messageOf(
                [&] {
                  applyCallOptions(config, {{"s_churn", 1.0}});
                },
                ErrorCode::Unsupported),
            "scheduler call: option s_churn = 1.0 is not known; remove it if the scheduler does not need it");
}

TEST(SchedulerConfig, OwnModels) {
  const SamplerConfig flow = modelConfig({{"kind", "flow"}, {"shift", 2.0}}, "sample");
  EXPECT_EQ(flow.sampler, "flow_euler");
  EXPECT_EQ(flow.prediction, Prediction::Sample);
  const StepPlan plan = makeStepPlan(flow, 4);
  EXPECT_EQ(plan.calls.front().timestep, 1.0);
  EXPECT_NEAR(plan.calls[2].timestep, 2.0 * 0.5 / 1.5, 1e-12);
  const StepPlan vp = makeStepPlan(modelConfig({{"kind", "vp_cosine"}}, "v"), 4);
  EXPECT_EQ(vp.calls.front().timestep, 1.0);
  EXPECT_EQ(vp.calls[1].timestep, 0.75);
  EXPECT_FALSE(vp.calls[1].clip);
  const StepPlan clipped = makeStepPlan(modelConfig({{"kind", "vp_linear"}, {"clip", 1.0}}, "epsilon"), 4);
  EXPECT_TRUE(clipped.calls[1].clip);
  EXPECT_EQ(clipped.calls[1].clipHigh, 1.0);
  // The next state's noise is what the clipped x_0 leaves of this one's: nothing of the network's own.
  for (const ModelCall& call : clipped.calls) EXPECT_EQ(call.next.f, 0.0);
  EXPECT_EQ(messageOf(
                [] {
                  modelConfig({{"kind", "edm"}}, "v");
                },
                ErrorCode::InvalidArgument),
            "schedule \"edm\" is not known; supported: vp_linear, vp_scaled_linear, vp_cosine, vp_betas, flow");
  EXPECT_EQ(messageOf(
                [] {
                  modelConfig({{"kind", "flow"}}, "score");
                },
                ErrorCode::InvalidArgument),
            "prediction type \"score\" is not known; supported: epsilon, sample, v (v_prediction), flow "
            "(flow_prediction)");
  EXPECT_EQ(messageOf(
                [] {
                  modelConfig({{"kind", "flow"}, {"shfit", 2}}, "v");
                },
                ErrorCode::Unsupported),
            "schedule: option shfit = 2 is not known; remove it if the scheduler does not need it");
}

TEST(SchedulerConfigErrors, UnknownClass) {
  EXPECT_EQ(refused("PNDMScheduler", json::object()),
            "scheduler class \"PNDMScheduler\" is not supported; supported: DDPMScheduler, DDIMScheduler, "
            "DDIMInverseScheduler, DPMSolverMultistepScheduler, UniPCMultistepScheduler, EulerDiscreteScheduler, "
            "HeunDiscreteScheduler, FlowMatchEulerDiscreteScheduler, FlowMatchHeunDiscreteScheduler, LCMScheduler");
}

TEST(SchedulerConfigErrors, UnsupportedValuesNameKeyValueAndChoices) {
  EXPECT_EQ(refused("DDPMScheduler", {{"variance_type", "learned"}}),
            "DDPMScheduler: variance_type \"learned\" is not supported; supported: fixed_small, fixed_small_log, "
            "fixed_large, learned_range");
  EXPECT_EQ(refused("DDPMScheduler", {{"beta_schedule", "sigmoid"}}),
            "DDPMScheduler: beta_schedule \"sigmoid\" is not supported; supported: linear, scaled_linear, "
            "squaredcos_cap_v2");
  EXPECT_EQ(refused("DDPMScheduler", {{"thresholding", true}}),
            "DDPMScheduler: thresholding = true is not supported: dynamic thresholding needs a quantile over the whole "
            "image; clip_sample is");
  EXPECT_EQ(refused("DPMSolverMultistepScheduler", {{"algorithm_type", "sde-dpmsolver++"}}),
            "DPMSolverMultistepScheduler: algorithm_type \"sde-dpmsolver++\" is not supported; supported: dpmsolver++");
  EXPECT_EQ(refused("UniPCMultistepScheduler", {{"predict_x0", false}}),
            "UniPCMultistepScheduler: predict_x0 = false is not supported; supported: true");
  EXPECT_EQ(refused("UniPCMultistepScheduler", {{"prediction_type", "flow_prediction"}}),
            "prediction_type \"flow_prediction\" needs use_flow_sigmas = true; it is the velocity of the linear path");
  EXPECT_EQ(refused("EulerDiscreteScheduler", {{"use_beta_sigmas", true}}),
            "EulerDiscreteScheduler: use_beta_sigmas = true is not supported: beta-distributed sigmas; supported: "
            "use_karras_sigmas, use_exponential_sigmas");
  EXPECT_EQ(refused("EulerDiscreteScheduler", {{"timestep_type", "continuous"}}),
            "EulerDiscreteScheduler: timestep_type \"continuous\" is not supported; supported: discrete");
  EXPECT_EQ(
      refused("FlowMatchEulerDiscreteScheduler", {{"use_dynamic_shifting", true}}),
      "FlowMatchEulerDiscreteScheduler: use_dynamic_shifting = true is not supported: a shift that depends on the "
      "resolution; give shift");
  EXPECT_EQ(refused("DDIMInverseScheduler", {{"timestep_spacing", "linspace"}}),
            "DDIMInverseScheduler: timestep_spacing \"linspace\" is not supported; supported: leading, trailing");
  EXPECT_EQ(refused("DDIMScheduler", {{"clip_samples", true}}),
            "DDIMScheduler: option clip_samples = true is not known; remove it if the scheduler does not need it");
}

TEST(SchedulerConfigErrors, WrongTypesAndRanges) {
  EXPECT_EQ(refused("DDIMScheduler", {{"beta_end", "big"}}, ErrorCode::CorruptFile),
            "DDIMScheduler: beta_end is \"big\", expected a number");
  EXPECT_EQ(refused("DDIMScheduler", {{"num_train_timesteps", 10.5}}, ErrorCode::CorruptFile),
            "DDIMScheduler: num_train_timesteps is 10.5, expected an integer");
  EXPECT_EQ(refused("DDIMScheduler", {{"clip_sample", 1}}, ErrorCode::CorruptFile),
            "DDIMScheduler: clip_sample is 1, expected true or false");
  EXPECT_EQ(refused("DDIMScheduler", {{"trained_betas", {0.1, "x"}}}, ErrorCode::CorruptFile),
            "trained_betas holds \"x\", not a number");
  EXPECT_EQ(refused("HeunDiscreteScheduler", {{"use_karras_sigmas", true}, {"use_exponential_sigmas", true}},
                    ErrorCode::InvalidArgument),
            "only one of use_karras_sigmas, use_exponential_sigmas and use_lu_lambdas can be true");
  const auto plan = [](const json& options) {
    return messageOf([&] { makeStepPlan(schedulerConfig("DDIMScheduler", options), 5); }, ErrorCode::InvalidArgument);
  };
  EXPECT_EQ(plan({{"num_train_timesteps", 100000000}}), "num_train_timesteps is 100000000, expected 1 to 100000");
  EXPECT_EQ(plan({{"beta_end", 2.0}}), "beta_start 0.000100 and beta_end 2.000000 must lie between 0 and 1");
  EXPECT_EQ(plan({{"trained_betas", {0.1, 0.2}}}), "trained_betas has 2 values, num_train_timesteps is 1000");
}

TEST(SchedulerConfigErrors, NotAConfiguration) {
  const auto message = [](const char* text) {
    return messageOf([&] { parseSchedulerConfig(text); }, ErrorCode::CorruptFile);
  };
  EXPECT_NE(message("{\"_class_name\": ").find("scheduler_config.json is not valid JSON: "), std::string::npos);
  EXPECT_EQ(message("[1, 2]"), "scheduler_config.json: expected a JSON object, found [1,2]");
  EXPECT_EQ(message("{}"), "scheduler_config.json has no _class_name, which names the scheduler");
  EXPECT_EQ(message("{\"_class_name\": 3}"), "scheduler_config.json: _class_name is 3, expected a string");
}

}  // namespace
}  // namespace rivulet
