/* The plugin in a host without a window: a device, a loop of frames, one texture, a PNG file. C99.
 *
 *   minimal_c MODEL.safetensors OUT.png [CLASS [SEED]]
 *
 * Error handling is one macro; docs/integration.md explains each step. */
/* clang-format off */
#include <rivulet/rivulet.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(call) \
  if ((int)(call) < 0) fprintf(stderr, "%s: %s\n", #call, api->lastError()), exit(1)

static PFN_vkGetInstanceProcAddr loader(void) {
  void* library = dlopen("libvulkan.so.1", RTLD_NOW);
  void* symbol = library ? dlsym(library, "vkGetInstanceProcAddr") : NULL;
  PFN_vkGetInstanceProcAddr function = NULL;
  memcpy(&function, &symbol, sizeof function); /* ISO C has no cast from an object to a function pointer */
  return function;
}

/* PNG with stored (uncompressed) deflate blocks. */
static uint32_t crc(uint32_t c, const uint8_t* data, size_t size) {
  for (c = ~c; size > 0; --size, ++data) {
    c ^= *data;
    for (int k = 0; k < 8; ++k) c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
  }
  return ~c;
}
static void put32(uint8_t* at, uint32_t value) {
  for (int i = 0; i < 4; ++i) at[i] = (uint8_t)(value >> (24 - 8 * i));
}
static void chunk(FILE* file, const char* type, const uint8_t* data, uint32_t size) {
  uint8_t head[8], tail[4];
  put32(head, size);
  memcpy(head + 4, type, 4);
  put32(tail, crc(crc(0, head + 4, 4), data, size));
  fwrite(head, 1, 8, file);
  fwrite(data, 1, size, file);
  fwrite(tail, 1, 4, file);
}
static int writePng(const char* path, const uint8_t* rgba, uint32_t width, uint32_t height) {
  const uint32_t row = 1 + 4 * width; /* a filter byte and the texels */
  uint8_t header[13] = {0, 0, 0, 0, 0, 0, 0, 0, 8, 6, 0, 0, 0};
  uint8_t* data = malloc(2 + (size_t)height * (row + 5) + 4);
  uint32_t a = 1, b = 0, at = 2; /* Adler-32 */
  FILE* file = fopen(path, "wb");
  if (!data || !file) return 0;
  memcpy(data, "\x78\x01", 2);
  for (uint32_t y = 0; y < height; ++y, at += row) { /* one block a row */
    const uint8_t head[6] = {y + 1 == height, (uint8_t)row, (uint8_t)(row >> 8), (uint8_t)~row, (uint8_t)(~row >> 8), 0};
    memcpy(data + at, head, 6);
    memcpy(data + at + 6, rgba + y * (size_t)(row - 1), row - 1);
    at += 5;
    for (uint32_t i = 0; i < row; ++i) {
      a = (a + data[at + i]) % 65521u;
      b = (b + a) % 65521u;
    }
  }
  put32(data + at, b << 16 | a);
  put32(header, width);
  put32(header + 4, height);
  fwrite("\x89PNG\r\n\x1a\n", 1, 8, file);
  chunk(file, "IHDR", header, 13);
  chunk(file, "IDAT", data, at + 4);
  chunk(file, "IEND", data, 0);
  free(data);
  return fclose(file) == 0;
}

int main(int argc, char** argv) {
  const RvlApi* api = rvlGetApi(RVL_API_VERSION);
  const PFN_vkGetInstanceProcAddr gipa = loader();
  if (argc < 3 || !api || !gipa) return fprintf(stderr, "%s\n", gipa ? "MODEL OUT.png [CLASS [SEED]]" : "no Vulkan loader"), 2;
#define INSTANCE(name) PFN_vk##name name = (PFN_vk##name)gipa(instance, "vk" #name)
#define DEVICE(name) PFN_vk##name name = (PFN_vk##name)GetDeviceProcAddr(device, "vk" #name)

  /* An instance and a device with what Rivulet can use of it. */
  VkInstance instance = VK_NULL_HANDLE;
  INSTANCE(CreateInstance);
  VkApplicationInfo application = {VK_STRUCTURE_TYPE_APPLICATION_INFO, NULL, "minimal_c", 1, NULL, 0, VK_API_VERSION_1_2};
  VkInstanceCreateInfo instanceInfo = {VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO, NULL, 0, &application, 0, NULL, 0, NULL};
  CHECK(CreateInstance(&instanceInfo, NULL, &instance));
  INSTANCE(EnumeratePhysicalDevices); INSTANCE(CreateDevice); INSTANCE(GetDeviceProcAddr); INSTANCE(DestroyInstance);
  INSTANCE(GetPhysicalDeviceMemoryProperties);
  VkPhysicalDevice gpu = VK_NULL_HANDLE;
  uint32_t count = 1;
  CHECK(EnumeratePhysicalDevices(instance, &count, &gpu));
  RvlRequirementsInfo ask = {sizeof ask, NULL, gipa, instance, gpu, VK_API_VERSION_1_2};
  RvlRequirements offer = {0};
  offer.struct_size = sizeof offer;
  CHECK(api->queryRequirements(&ask, &offer));
  RvlFeatureChain2 chain = {0};
  chain.struct_size = sizeof chain;
  CHECK(api->fillFeatureChain2(&offer, &chain));
  const float one = 1.0f;
  VkDeviceQueueCreateInfo queueInfo = {VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO, NULL, 0, 0, 1, &one};
  VkDeviceCreateInfo deviceInfo = {VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO, chain.head, 0, 1, &queueInfo, 0, NULL,
                                   offer.device_extension_count, offer.device_extensions, NULL};
  VkDevice device = VK_NULL_HANDLE;
  CHECK(CreateDevice(gpu, &deviceInfo, NULL, &device));
  DEVICE(GetDeviceQueue); DEVICE(CreateCommandPool); DEVICE(AllocateCommandBuffers); DEVICE(BeginCommandBuffer);
  DEVICE(EndCommandBuffer); DEVICE(QueueSubmit); DEVICE(QueueWaitIdle); DEVICE(CreateBuffer); DEVICE(AllocateMemory);
  DEVICE(GetBufferMemoryRequirements); DEVICE(BindBufferMemory); DEVICE(MapMemory); DEVICE(CmdCopyImageToBuffer);
  DEVICE(DestroyBuffer); DEVICE(FreeMemory); DEVICE(DestroyCommandPool); DEVICE(DestroyDevice);
  VkQueue queue;
  GetDeviceQueue(device, 0, 0, &queue);
  VkCommandPool pool;
  VkCommandBuffer commands;
  const VkCommandPoolCreateFlags flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT;
  VkCommandPoolCreateInfo poolInfo = {VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO, NULL, flags, 0};
  CHECK(CreateCommandPool(device, &poolInfo, NULL, &pool));
  VkCommandBufferAllocateInfo one_buffer = {VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO, NULL, pool, 0, 1};
  CHECK(AllocateCommandBuffers(device, &one_buffer, &commands));

  /* A context, a model, a request. */
  RvlContextInfo contextInfo = {0};
  contextInfo.struct_size = sizeof contextInfo;
  contextInfo.get_instance_proc_addr = gipa;
  contextInfo.instance = instance;
  contextInfo.physical_device = gpu;
  contextInfo.device = device;
  contextInfo.api_version = VK_API_VERSION_1_2;
  contextInfo.features = offer.features;
  contextInfo.byte_features = offer.byte_features;
  RvlContext context;
  CHECK(api->createContext(&contextInfo, &context));
  RvlModelInfo modelInfo = {sizeof modelInfo, NULL, argv[1], NULL, 0, NULL};
  RvlModel model;
  CHECK(api->loadModel(context, &modelInfo, &model));
  RvlRequestInfo want = {0};
  want.struct_size = sizeof want;
  want.model = model;
  want.class_count = 1;
  want.classes[0].weight = 1;
  if (argc > 3) CHECK(api->findClass(context, model, argv[3], &want.classes[0].index));
  if (argc > 4) want.seed = strtoull(argv[4], NULL, 10);
  want.target.format = VK_FORMAT_R8G8B8A8_SRGB;
  want.target.mip_levels = 1;
  want.target.layout = VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL;
  RvlRequest request;
  CHECK(api->request(context, &want, &request));

  /* Frames. This host waits for each; a real one signals RvlRecordResult::semaphore instead. */
  RvlImage image = {sizeof image, NULL, VK_NULL_HANDLE, VK_FORMAT_UNDEFINED, VK_IMAGE_LAYOUT_UNDEFINED, 0, 0, 0, 0, 0, 0};
  VkCommandBufferBeginInfo begin = {VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO, NULL, 0, NULL};
  VkSubmitInfo submit = {VK_STRUCTURE_TYPE_SUBMIT_INFO, NULL, 0, NULL, NULL, 1, &commands, 0, NULL};
  RvlRecordInfo frame = {sizeof frame, NULL, commands, 2000.0, 0};
  unsigned frames = 0;
  RvlResult ready = RVL_NOT_READY;
  for (; ready == RVL_NOT_READY; ++frames) {
    RvlRecordResult recorded = {sizeof recorded, NULL, 0, VK_NULL_HANDLE, 0, 0, 0};
    CHECK(BeginCommandBuffer(commands, &begin));
    CHECK(api->record(context, &frame, &recorded));
    CHECK(EndCommandBuffer(commands));
    CHECK(QueueSubmit(queue, 1, &submit, VK_NULL_HANDLE));
    CHECK(QueueWaitIdle(queue));
    if (recorded.serial) frame.completed = recorded.serial;
    CHECK(ready = api->acquireImage(context, request, &image));
  }

  /* The image is the host's to read until unacquireImage(). */
  const uint32_t bytes = 4 * image.width * image.height;
  VkBufferCreateInfo bufferInfo = {VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO, NULL, 0, bytes, VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                                   VK_SHARING_MODE_EXCLUSIVE, 0, NULL};
  VkBuffer buffer;
  CHECK(CreateBuffer(device, &bufferInfo, NULL, &buffer));
  VkMemoryRequirements needs;
  GetBufferMemoryRequirements(device, buffer, &needs);
  VkPhysicalDeviceMemoryProperties heaps;
  GetPhysicalDeviceMemoryProperties(gpu, &heaps);
  const VkMemoryPropertyFlags wanted = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  uint32_t type = 0;
  while (!(needs.memoryTypeBits >> type & 1) || (heaps.memoryTypes[type].propertyFlags & wanted) != wanted) ++type;
  VkMemoryAllocateInfo memoryInfo = {VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO, NULL, needs.size, type};
  VkDeviceMemory memory;
  void* rgba;
  CHECK(AllocateMemory(device, &memoryInfo, NULL, &memory));
  CHECK(BindBufferMemory(device, buffer, memory, 0));
  CHECK(MapMemory(device, memory, 0, VK_WHOLE_SIZE, 0, &rgba));
  VkBufferImageCopy region = {0, 0, 0, {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1}, {0, 0, 0}, {image.width, image.height, 1}};
  CHECK(BeginCommandBuffer(commands, &begin));
  CmdCopyImageToBuffer(commands, image.image, image.layout, buffer, 1, &region);
  CHECK(EndCommandBuffer(commands));
  CHECK(QueueSubmit(queue, 1, &submit, VK_NULL_HANDLE));
  CHECK(QueueWaitIdle(queue)); /* which also makes the bytes visible here */
  const int written = writePng(argv[2], rgba, image.width, image.height);
  printf("%s: %ux%u after %u frames\n", written ? argv[2] : "not written", image.width, image.height, frames);

  CHECK(api->unacquireImage(context, request));
  CHECK(api->destroyContext(context, UINT64_MAX, 0));
  DestroyBuffer(device, buffer, NULL);
  FreeMemory(device, memory, NULL);
  DestroyCommandPool(device, pool, NULL);
  DestroyDevice(device, NULL);
  DestroyInstance(instance, NULL);
  return written ? 0 : 1;
}
