#version 450

layout(location = 0) in vec3 position;

layout(push_constant) uniform Draw {
  mat4 fromSun;
} draw;

void main() { gl_Position = draw.fromSun * vec4(position, 1.0); }
