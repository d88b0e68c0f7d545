#version 450
#extension GL_GOOGLE_include_directive : require
#include "scene.glsl"

layout(location = 0) in vec2 clip;
layout(location = 0) out vec4 colour;

void main() {
  vec4 far = scene.inverseViewProjection * vec4(clip, 1.0, 1.0);
  colour = vec4(display(sky(normalize(far.xyz / far.w - scene.eye.xyz))), 1.0);
}
