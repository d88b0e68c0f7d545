#include "tensor/safetensors.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <optional>
#include <random>

#include "support/expect_error.h"
#include "support/safetensors_writer.h"
#include "support/temporary_folder.h"

namespace rivulet {
namespace {

using test::expectError;
using test::safetensorsBytes;
using test::SafetensorsWriter;
using test::TemporaryFolder;

Safetensors parse(std::span<const std::byte> bytes) {
  return Safetensors::parse(bytes, "weights.safetensors");
}

std::vector<std::byte> data(std::size_t bytes) {
  return std::vector<std::byte>(bytes);
}

/// Expects `header` with `size` bytes of data to be refused, by words in the message.
void expectRefused(const std::string& header, std::size_t size, std::initializer_list<std::string> words) {
  SCOPED_TRACE(header.substr(0, 200));
  const std::vector<std::byte> bytes = safetensorsBytes(header, data(size));
  expectError(ErrorCode::CorruptFile, words, [&] { parse(bytes); });
}

SafetensorsWriter smallFile() {
  SafetensorsWriter writer;
  writer.metadata("format", "pt");
  writer.add("conv.bias", {2}, std::array{1.0f, -2.0f});
  writer.add("conv.weight", {2, 1, 1, 2}, std::array{0.5f, 1.5f, -0.25f, 65504.0f}, "F16");
  writer.add("scale", {}, std::array{3.0f}, "BF16");
  const std::array<std::int64_t, 2> wide{-7, 1LL << 40};
  const std::array<std::int32_t, 2> narrow{-7, 9};
  writer.addBytes("labels", {2}, "I64", std::as_bytes(std::span(wide)));
  writer.addBytes("steps", {2}, "I32", std::as_bytes(std::span(narrow)));
  return writer;
}

TEST(Safetensors, ReadsEveryKindOfTensor) {
  const std::vector<std::byte> bytes = smallFile().bytes();
  const Safetensors file = parse(bytes);
  EXPECT_EQ(file.tensors().size(), 5u);
  EXPECT_EQ(file.metadata().at("format"), "pt");
  EXPECT_EQ(file.floats("conv.bias").values, (std::vector<float>{1, -2}));
  const HostTensor weight = file.floats("conv.weight", std::array{2u, 1u, 1u, 2u});
  EXPECT_EQ(weight.shape, (std::vector<std::uint32_t>{2, 1, 1, 2}));
  EXPECT_EQ(weight.values, (std::vector<float>{0.5f, 1.5f, -0.25f, 65504.0f}));
  EXPECT_EQ(file.floats("scale").values, std::vector<float>{3});
  EXPECT_EQ(file.integers("labels"), (std::vector<std::int64_t>{-7, 1LL << 40}));
  EXPECT_EQ(file.integers("steps"), (std::vector<std::int64_t>{-7, 9}));
}

TEST(Safetensors, MapsFilesThatOutliveTheirName) {
  const TemporaryFolder folder;
  const std::vector<std::byte> bytes = smallFile().bytes();
  std::optional<Safetensors> copy;
  {
    const Safetensors file = Safetensors::open(folder.write("a.safetensors", bytes));
    copy = file;
  }
  std::filesystem::remove(folder / "a.safetensors");
  EXPECT_EQ(copy->floats("conv.bias").values, (std::vector<float>{1, -2}));
}

TEST(Safetensors, AcceptsEmptyTensorsAndPaddedHeaders) {
  const std::vector<std::byte> bytes = safetensorsBytes(
      R"({"none":{"dtype":"F32","shape":[0,4],"data_offsets":[0,0]},"one":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}   )",
      data(1));
  const Safetensors file = parse(bytes);
  EXPECT_TRUE(file.floats("none").values.empty());
}

TEST(Safetensors, NamesTheTensorAndWhatWasExpected) {
  const std::vector<std::byte> bytes = smallFile().bytes();
  const Safetensors file = parse(bytes);
  expectError(ErrorCode::CorruptFile, {"weights.safetensors", "'conv.weigth'", "missing"},
              [&] { file.at("conv.weigth"); });
  expectError(ErrorCode::CorruptFile, {"'conv.weight'", "[2,1,1,2]", "expected [2,2]"}, [&] {
    file.floats("conv.weight", std::array{2u, 2u});
  });
  expectError(ErrorCode::CorruptFile, {"'labels'", "I64", "expected F32"}, [&] { file.floats("labels"); });
  expectError(ErrorCode::CorruptFile, {"'scale'", "BF16", "expected I32 or I64"}, [&] { file.integers("scale"); });
}

TEST(Safetensors, RefusesValuesThatAreNotFinite) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    for (const char* dtype : {"F32", "F16", "BF16"}) {
      SafetensorsWriter writer;
      writer.add("w", {3}, std::array{1.0f, bad, 2.0f}, dtype);
      const std::vector<std::byte> bytes = writer.bytes();
      expectError(ErrorCode::CorruptFile, {"'w'", "value 1", "expected finite"}, [&] { parse(bytes).floats("w"); });
    }
  }
}

TEST(Safetensors, RefusesEveryTruncation) {
  const std::vector<std::byte> bytes = smallFile().bytes();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    SCOPED_TRACE(size);
    // A copy of its own, so that a sanitizer sees any read beyond it.
    const std::vector<std::byte> part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    expectError(ErrorCode::CorruptFile, {"weights.safetensors"}, [&] { parse(part); });
  }
  std::vector<std::byte> longer = bytes;
  longer.push_back(std::byte{0});
  expectError(ErrorCode::CorruptFile, {"expected", "belong to no tensor"}, [&] { parse(longer); });
}

TEST(Safetensors, SurvivesFlippedHeaderBytes) {
  const std::vector<std::byte> bytes = smallFile().bytes();
  std::size_t header = 0;
  std::memcpy(&header, bytes.data(), 8);
  std::size_t refused = 0, accepted = 0;
  for (std::size_t at = 0; at < 8 + header; ++at) {
    for (const unsigned flip : {0x01u, 0x02u, 0x10u, 0x20u, 0x80u, 0xffu}) {
      std::vector<std::byte> changed = bytes;
      changed[at] ^= static_cast<std::byte>(flip);
      try {
        const Safetensors file = parse(changed);
        for (const auto& [name, entry] : file.tensors()) {
          try {
            file.floats(name);
            file.integers(name);
          } catch (const Error&) {
          }
        }
        ++accepted;  // another name, or another value of the same size
      } catch (const Error& error) {
        EXPECT_EQ(toString(error.code()), toString(ErrorCode::CorruptFile)) << error.what();
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, accepted);
}

TEST(Safetensors, SurvivesRandomBytes) {
  std::mt19937 random(7);
  const std::vector<std::byte> bytes = smallFile().bytes();
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::byte> changed = bytes;
    for (auto i = random() % 6 + 1; i-- > 0;) changed[random() % changed.size()] = std::byte(random());
    try {
      const Safetensors file = parse(changed);
      for (const auto& [name, entry] : file.tensors()) file.floats(name);
    } catch (const Error&) {
    }
  }
}

TEST(Safetensors, RefusesAbsurdHeaders) {
  std::vector<std::byte> bytes = smallFile().bytes();
  const auto withLength = [&](std::uint64_t length) {
    std::memcpy(bytes.data(), &length, 8);
    return std::span<const std::byte>(bytes);
  };
  expectError(ErrorCode::CorruptFile, {"header claims 18446744073709551615 bytes", "not a safetensors file"},
              [&] { parse(withLength(UINT64_MAX)); });
  expectError(ErrorCode::CorruptFile, {"header claims 100000001 bytes"}, [&] { parse(withLength(100'000'001)); });
  expectError(ErrorCode::CorruptFile, {"truncated", "header claims 5000 bytes"}, [&] { parse(withLength(5000)); });
  expectError(ErrorCode::CorruptFile, {"does not start with '{'"}, [&] { parse(withLength(0)); });
  expectRefused("[1,2]", 0, {"does not start with '{'"});
  expectRefused(" {}", 0, {"does not start with '{'"});
  expectRefused("{\"a\":", 0, {"not valid JSON"});
  expectRefused("{} {}", 0, {"not valid JSON"});
  expectRefused("{\"\xff\xfe\":1}", 0, {"not valid JSON"});
}

TEST(Safetensors, RefusesDeepNesting) {
  for (const std::size_t depth : {4u, 1000u, 1000000u}) {
    std::string lists = R"({"a":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
    expectRefused(lists, 0, {"nested more than 3 levels"});
    std::string objects = "{";
    for (std::size_t i = 0; i < depth; ++i) objects += R"("a":{)";
    expectRefused(objects, 0, {"nested more than 3 levels"});
  }
}

TEST(Safetensors, RefusesNamesThatOccurTwice) {
  expectRefused(
      R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1,
      {"tensor 'w' occurs twice"});
  expectRefused(R"({"w":{"dtype":"U8","dtype":"F32","shape":[1],"data_offsets":[0,1]}})", 1, {"'dtype' occurs twice"});
  const std::vector<std::byte> fine =
      safetensorsBytes(R"({"__metadata__":{"shape":"x"},"v":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                       R"("w":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                       data(2));
  EXPECT_EQ(parse(fine).tensors().size(), 2u);
}

TEST(Safetensors, RefusesEntriesThatAreNotTensors) {
  expectRefused(R"({"w":1})", 0, {"'w'", "expected an object with dtype, shape and data_offsets"});
  expectRefused(R"({"w":{}})", 0, {"'w'", "expected 'dtype' to be a string"});
  expectRefused(R"({"w":{"dtype":"F32"}})", 0, {"'w'", "expected 'shape'"});
  expectRefused(R"({"w":{"dtype":"F32","shape":[1]}})", 4, {"'w'", "expected 'data_offsets'"});
  expectRefused(R"({"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4, {"'w'", "'shape'", "found -1"});
  expectRefused(R"({"w":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})", 4, {"'w'", "'shape'", "found 1.0"});
  expectRefused(R"({"w":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}})", 4, {"'w'", "'shape'"});
  expectRefused(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}})", 8, {"'w'", "[begin, end]", "[0,4,8]"});
  expectRefused(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4, {"'w'", "begin <= end"});
  expectRefused(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"extra":1}})", 4,
                {"'w'", "unknown header key 'extra'"});
  expectRefused(R"({"w":{"dtype":"Q4","shape":[1],"data_offsets":[0,4]}})", 4,
                {"'w'", "unknown dtype 'Q4'", "expected one of"});
  expectRefused(R"({"w":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}})", 4,
                {"'w'", "9 dimensions"});
  expectRefused(R"({"__metadata__":[]})", 0, {"__metadata__"});
  expectRefused(R"({"__metadata__":{"format":1}})", 0, {"__metadata__", "'format'"});
}

TEST(Safetensors, RefusesByteRangesThatDoNotFit) {
  expectRefused(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4,
                {"'w'", "span 4 bytes", "expected 8 for F32 [2]"});
  expectRefused(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4,
                {"'w'", "end at 8 of 4 bytes", "truncated"});
  expectRefused(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[18446744073709551608,18446744073709551615]}})", 8,
                {"'w'", "end at 18446744073709551615"});
  expectRefused(R"({"w":{"dtype":"F32","shape":[4294967296,4294967296,2],"data_offsets":[0,8]}})", 8,
                {"'w'", "more elements than 64 bits"});
  // The product wraps to exactly 8 bytes.
  expectRefused(R"({"w":{"dtype":"F32","shape":[2,4611686018427387905],"data_offsets":[0,8]}})", 8,
                {"'w'", "more elements than 64 bits"});
  expectRefused(
      R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})", 6,
      {"'b'", "[2,6)", "overlap those of 'a'"});
  expectRefused(
      R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}})", 6,
      {"'b'", "start at 4, expected 2", "gap"});
  expectRefused(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", 3, {"3 bytes, expected 2"});
  expectRefused("{}", 3, {"3 bytes, expected 0"});
}

TEST(Safetensors, RefusesPicklesAndSaysHowToConvertThem) {
  const TemporaryFolder folder;
  for (const char* name : {"diffusion_pytorch_model.bin", "model.pt", "last.ckpt", "model.pth"}) {
    const auto path = folder.write(name, std::string_view("PK\x03\x04 whatever", 12));
    expectError(ErrorCode::Unsupported, {name, "pickle", "python3 -c", "save_file", ".safetensors'"},
                [&] { Safetensors::open(path); });
  }
  const auto renamed = folder.write("renamed.safetensors", std::string_view("PK\x03\x04 a zip archive inside", 24));
  expectError(ErrorCode::Unsupported, {"pickle", "weights_only=True"}, [&] { Safetensors::open(renamed); });
  // A header of 640 bytes begins with the same two bytes as a pickle.
  std::string header = R"({"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
  header.resize(640, ' ');
  EXPECT_EQ(Safetensors::open(folder.write("fine.safetensors", safetensorsBytes(header, data(1)))).tensors().size(),
            1u);
}

TEST(Safetensors, SaysWhyAFileCannotBeOpened) {
  const TemporaryFolder folder;
  expectError(ErrorCode::Io, {"nowhere.safetensors", "cannot open"},
              [&] { Safetensors::open(folder / "nowhere.safetensors"); });
  expectError(ErrorCode::Io, {"not a file but a folder"}, [&] { Safetensors::open(folder.path()); });
  const auto empty = folder.write("empty.safetensors", std::string_view());
  expectError(ErrorCode::CorruptFile, {"empty.safetensors", "truncated: 0 bytes"}, [&] { Safetensors::open(empty); });
}

}  // namespace
}  // namespace rivulet
