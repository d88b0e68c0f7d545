/* A renderer outside the project that uses an installed plugin. */
#include <rivulet/rivulet.h>

int main(void) {
  const RvlApi* api = rvlGetApi(RVL_API_VERSION);
  return api && api->version == RVL_API_VERSION ? 0 : 1;
}
