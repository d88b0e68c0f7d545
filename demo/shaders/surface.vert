// Vertices are in world space already: the scenes stand still.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "scene.glsl"

layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec2 uv;
layout(location = 3) in float openness;

layout(location = 0) out vec3 worldPosition;
layout(location = 1) out vec3 worldNormal;
layout(location = 2) out vec2 texturePosition;
layout(location = 3) out float skyOpenness;
layout(location = 4) out vec3 shadowPosition;

void main() {
  worldPosition = position;
  worldNormal = normal;
  texturePosition = uv;
  skyOpenness = openness;
  shadowPosition = (scene.shadow * vec4(position + 0.015 * normal, 1.0)).xyz;
  gl_Position = scene.viewProjection * vec4(position, 1.0);
}
