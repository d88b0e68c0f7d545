// The builder alone: no device is touched, only capabilities are described.
#include "graph/graph.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace rivulet::graph {
namespace {

vk::DeviceCaps caps() {
  vk::DeviceCaps caps;
  caps.name = "a described device";
  return caps;
}

Dispatch step(std::string name, std::vector<Tensor> reads, std::vector<Tensor> writes) {
  Dispatch dispatch;
  dispatch.name = std::move(name);
  dispatch.op = "test";
  dispatch.reads = std::move(reads);
  dispatch.writes = std::move(writes);
  return dispatch;
}

template <class Call>
std::string messageOf(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Graph, HalfStorageWithoutTheFeatureNamesIt) {
  EXPECT_NE(messageOf([] { Graph graph(caps(), DataType::F16); }).find("storageBuffer16BitAccess"), std::string::npos);
}

TEST(Graph, ShaderNamesFollowStorageAndAddressing) {
  vk::DeviceCaps device = caps();
  EXPECT_EQ(Graph(device, DataType::F32).shader("ops/conv2d"), "ops/conv2d.f32");
  device.storage16 = device.bufferDeviceAddress = true;
  EXPECT_EQ(Graph(device, DataType::F16).shader("ops/conv2d"), "ops/conv2d.f16_bda");
}

TEST(Graph, TemporariesShareMemoryAndPersistentTensorsDoNot) {
  Graph graph(caps(), DataType::F32);
  const TensorDesc desc{1, 16, 16, 8, DataType::F32};
  const Tensor input = graph.persistent(desc, "input");
  const Tensor a = graph.tensor(desc, "a"), b = graph.tensor(desc, "b"), c = graph.tensor(desc, "c");
  graph.dispatch(step("one", {input}, {a}));
  graph.dispatch(step("two", {a}, {b}));
  graph.dispatch(step("three", {b}, {c}));  // c takes a's place
  const MemoryPlan memory = graph.memory();
  EXPECT_EQ(memory.arenaBytes, 3 * desc.bytes());
  EXPECT_EQ(memory.unsharedBytes, 4 * desc.bytes());
}

TEST(Graph, AViewIsPartOfItsTensorsMemory) {
  Graph graph(caps(), DataType::F32);
  const Tensor table = graph.persistent({24, 1, 1, 64, DataType::F32}, "table");
  EXPECT_EQ(graph.views(), 1u);
  const Tensor row = graph.view(table, 8);
  EXPECT_EQ(graph.views(), 8u);
  EXPECT_EQ(graph.desc(row), (TensorDesc{3, 1, 1, 64, DataType::F32}));
  graph.dispatch(step("reader", {row}, {}));
  EXPECT_EQ(graph.memory().arenaBytes, graph.desc(table).bytes());
  EXPECT_EQ(graph.memory().unsharedBytes, graph.desc(table).bytes());
}

TEST(Graph, AViewThatCannotBeIsABugNamedByItsTensor) {
  Graph graph(caps(), DataType::F32);
  const Tensor table = graph.persistent({24, 1, 1, 64, DataType::F32}, "table");
  const Tensor temporary = graph.tensor({24, 1, 1, 64, DataType::F32}, "temporary");
  const Tensor row = graph.view(table, 8);
  for (const auto& [tensor, count] : {std::pair(temporary, 8u), {table, 0u}, {table, 7u}, {table, 4u}, {row, 8u}}) {
    const std::string message = messageOf([&, of = tensor, views = count] { (void)graph.view(of, views); });
    EXPECT_NE(message.find("cannot be seen as one of " + std::to_string(count)), std::string::npos) << message;
    EXPECT_NE(message.find(graph.name(tensor)), std::string::npos) << message;
  }
}

TEST(Graph, ReadingATemporaryThatNothingWroteIsABugNamedByTheDispatch) {
  Graph graph(caps(), DataType::F32);
  const Tensor lost = graph.tensor({1, 1, 1, 8, DataType::F32}, "lost");
  graph.dispatch(step("reader", {lost}, {}));
  const std::string message = messageOf([&] { (void)graph.memory(); });
  EXPECT_NE(message.find("reader reads 'lost' before it is written"), std::string::npos) << message;
}

TEST(Graph, EmptyAndOversizedTensorsAreRefusedByName) {
  Graph graph(caps(), DataType::F32);
  EXPECT_NE(messageOf([&] {
              graph.tensor({1, 0, 4, 8, DataType::F32}, "flat");
            }).find("'flat' has an empty shape"),
            std::string::npos);
  EXPECT_NE(messageOf([&] {
              graph.tensor({64, 65536, 65536, 8, DataType::F32}, "sky");
            }).find("'sky'"),
            std::string::npos);
}

TEST(Graph, TooManyWorkgroupsNameTheLayerAndTheLimit) {
  Graph graph(caps(), DataType::F32);
  Dispatch dispatch = step("wide", {}, {});
  dispatch.groups = {1, 70000, 1};
  const std::string message = messageOf([&] { graph.dispatch(dispatch); });
  EXPECT_NE(message.find("wide (test) needs 70000 workgroups"), std::string::npos) << message;
  EXPECT_NE(message.find("65535"), std::string::npos);
}

TEST(Graph, MoreThan28PushConstantWordsAreRefused) {
  PushConstants push;
  for (std::uint32_t i = 0; i < PushConstants::kMaxWords; ++i) {
    push.word(i);
  }
  EXPECT_NE(messageOf([&] { push.word(0); }).find("28 words"), std::string::npos);
}

TEST(Graph, AWeightNamedTwiceIsTheSame) {
  Graph graph(caps(), DataType::F32);
  const auto pack = [] { return std::vector<std::byte>(16); };
  const Weight first = graph.weight("conv.weight", 16, pack);
  const std::uint64_t bytes = graph.memory().weightBytes;
  EXPECT_EQ(graph.weight("conv.weight", 16, pack).id, first.id);
  EXPECT_EQ(graph.memory().weightBytes, bytes);
  EXPECT_NE(messageOf([&] { graph.weight("conv.weight", 32, pack); }).find("'conv.weight' is added twice"),
            std::string::npos);
}

}  // namespace
}  // namespace rivulet::graph
