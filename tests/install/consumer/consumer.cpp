// A program outside the project that uses an installed Rivulet.
#include <rivulet/vk/device.h>
#include <rivulet/vk/shader_table.h>

#include <cstdio>

int main() {
  std::printf("%zu shaders\n", rivulet::vk::allShaders().size());
  return rivulet::vk::findShader("no/such/shader") == nullptr ? 0 : 1;
}
