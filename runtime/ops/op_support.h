#pragma once
// What the ops' C++ files share: messages for refused shapes, packing of constants, sizes of grids.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/half.h"
#include "graph/graph.h"

namespace rivulet::ops {

/// Throws InvalidArgument: "<op> '<name>': <why>".
[[noreturn]] inline void refuse(const std::string& op, const std::string& name, const std::string& why) {
  throw Error(ErrorCode::InvalidArgument, op + " '" + name + "': " + why);
}

inline std::string shapeText(const std::vector<std::uint32_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? "," : "") + std::to_string(shape[i]);
  return text + "]";
}

constexpr std::uint32_t ceilDiv(std::uint64_t count, std::uint64_t size) {
  return static_cast<std::uint32_t>((count + size - 1) / size);
}

/// Workgroups along one axis of a kernel that loops when the grid is smaller than its work.
inline std::uint32_t loopingGroups(const graph::Graph& graph, std::uint32_t axis, std::uint64_t work,
                                   std::uint64_t size) {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>((work + size - 1) / size, graph.caps().maxWorkgroupCount[axis]));
}

/// Invocations of a workgroup: `wanted`, or the largest power of two the device allows.
inline std::uint32_t workgroupSize(const graph::Graph& graph, std::uint32_t wanted) {
  const std::uint32_t limit = std::min(graph.caps().maxWorkgroupInvocations, graph.caps().maxWorkgroupSize[0]);
  while (wanted > limit) wanted /= 2;
  return wanted;
}

/// Floats behind one another as the bytes of a weight.
inline std::vector<std::byte> floatBytes(const std::vector<float>& values) {
  std::vector<std::byte> bytes(values.size() * sizeof(float));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

/// The same in a storage type.
inline std::vector<std::byte> storageBytes(const std::vector<float>& values, DataType type) {
  if (type == DataType::F32) return floatBytes(values);
  std::vector<std::uint16_t> halves(values.size());
  floatToHalf(values, halves);
  std::vector<std::byte> bytes(halves.size() * sizeof(std::uint16_t));
  std::memcpy(bytes.data(), halves.data(), bytes.size());
  return bytes;
}

/// A vector constant [c], always float, padded with zeros to `padded` values.
inline graph::Weight floatVector(graph::Graph& graph, const std::string& name, const HostTensor& vector,
                                 std::uint32_t padded) {
  return graph.weight(name, padded * sizeof(float), [values = vector.values, padded]() mutable {
    values.resize(padded, 0.0f);
    return floatBytes(values);
  });
}

}  // namespace rivulet::ops
