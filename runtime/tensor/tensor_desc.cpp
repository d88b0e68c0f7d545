#include "tensor/tensor_desc.h"

namespace rivulet {

std::string toString(const TensorDesc& desc) {
  return "[" + std::to_string(desc.n) + "," + std::to_string(desc.h) + "," + std::to_string(desc.w) + "," +
         std::to_string(desc.c) + "] " + (desc.type == DataType::F32 ? "f32" : "f16");
}

}  // namespace rivulet
