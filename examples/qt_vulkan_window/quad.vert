#version 450

layout(push_constant) uniform Quad {
  vec4 rectangle;  // left, top, width and height in clip space
  float repeats;   // of the texture along each side
};

layout(location = 0) out vec2 place;

void main() {
  const vec2 corner = vec2(gl_VertexIndex & 1, gl_VertexIndex >> 1);  // of a triangle strip
  place = corner * repeats;
  gl_Position = vec4(rectangle.xy + corner * rectangle.zw, 0.0, 1.0);
}
