/* Compiled as C99 and C11, pedantic: the header is C, and the library links from C. */
#include <rivulet/rivulet.h>
#include <stdio.h>

int main(void) {
  const RvlApi* api = rvlGetApi(RVL_API_VERSION);
  if (!api || api->version != RVL_API_VERSION) return 1;
  if (rvlGetApi(RVL_API_VERSION + 1000u)) return 2;
  printf("%s\n", api->resultText(RVL_ERROR_BUSY));
  return 0;
}
