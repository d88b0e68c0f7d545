// A surface in the sun and under the sky: GGX and Lambert, the sky's light by how open the place is, relief carved out of
// the texture's own light and dark. Everything is analytic but the texture and the shadow.
#version 450
#extension GL_GOOGLE_include_directive : require
#include "scene.glsl"

layout(constant_id = 0) const bool fading = false;   // two layers at once
layout(constant_id = 1) const bool detailed = true;  // more samples: for devices that have them to spare
layout(constant_id = 2) const bool glossy = true;    // the sky is to be seen in it

layout(set = 0, binding = 1) uniform sampler2DArray textures;
layout(set = 0, binding = 2) uniform sampler2DShadow shadowMap;

layout(push_constant) uniform Draw {
  vec4 layers;   // shown, coming, how much has come, relief
  vec4 surface;  // roughness, metallic, repeats, highlight
} draw;

layout(location = 0) in vec3 worldPosition;
layout(location = 1) in vec3 worldNormal;
layout(location = 2) in vec2 texturePosition;
layout(location = 3) in float skyOpenness;
layout(location = 4) in vec3 shadowPosition;
layout(location = 0) out vec4 colour;

vec3 albedoAt(vec2 uv) {
  vec3 shown = texture(textures, vec3(uv, draw.layers.x)).rgb;
  if (!fading) return shown;
  return mix(shown, texture(textures, vec3(uv, draw.layers.y)).rgb, draw.layers.z);
}

float heightOf(vec3 albedo) { return sqrt(dot(albedo, vec3(0.2126, 0.7152, 0.0722))); }

// Mikkelsen, "Bump mapping unparametrized surfaces on the GPU", 2010.
vec3 carved(vec3 normal, vec2 slope) {
  vec3 dx = dFdx(worldPosition), dy = dFdy(worldPosition);
  vec3 a = cross(dy, normal), b = cross(normal, dx);
  float determinant = dot(dx, a);
  vec3 gradient = sign(determinant) * (slope.x * a + slope.y * b);
  return normalize(abs(determinant) * normal - gradient);
}

float sunlight() {
  if (!detailed) return texture(shadowMap, shadowPosition);
  vec2 texel = 1.0 / vec2(textureSize(shadowMap, 0));
  float sum = 0.0;
  for (int y = -1; y <= 1; ++y) {
    for (int x = -1; x <= 1; ++x) sum += texture(shadowMap, shadowPosition + vec3(vec2(x, y) * texel * 1.3, 0.0));
  }
  return sum / 9.0;
}

void main() {
  vec2 uv = texturePosition * draw.surface.z;
  vec3 albedo = albedoAt(uv);
  float height = heightOf(albedo);
  vec2 slope = detailed ? vec2(heightOf(albedoAt(uv + dFdx(uv))), heightOf(albedoAt(uv + dFdy(uv)))) - height
                        : vec2(dFdx(height), dFdy(height));

  vec3 eyeward = normalize(scene.eye.xyz - worldPosition);
  vec3 flat_ = normalize(worldNormal);
  if (dot(flat_, eyeward) < 0.0) flat_ = -flat_;  // cloth is seen from both sides
  vec3 normal = carved(flat_, slope * (0.045 * draw.layers.w));

  float roughness = draw.surface.x, metallic = draw.surface.y;
  vec3 specular = mix(vec3(0.04), albedo, metallic);
  vec3 diffuse = albedo * (1.0 - metallic);
  float nv = max(dot(normal, eyeward), 0.02);

  // The sun.
  vec3 sun = scene.sun.xyz;
  float nl = max(dot(normal, sun), 0.0);
  float lit = nl * sunlight() * scene.sun.w;
  vec3 middle = normalize(sun + eyeward);
  float nh = max(dot(normal, middle), 0.0), a2 = roughness * roughness;
  a2 *= a2;
  float d = nh * nh * (a2 - 1.0) + 1.0;
  float k = 0.5 * roughness * roughness;
  float visibility = 0.25 / ((nl * (1.0 - k) + k) * (nv * (1.0 - k) + k));
  float grazing = 1.0 - max(dot(eyeward, middle), 0.0);
  float grazing2 = grazing * grazing;
  vec3 fresnel = specular + (1.0 - specular) * (grazing2 * grazing2 * grazing);
  vec3 light = (diffuse + fresnel * (a2 / (d * d) * visibility)) * vec3(3.0, 2.6, 2.1) * lit;

  // The sky and what the ground throws back: diffuse by the normal, mirrored by Karis' fit of the environment's share.
  float up = 0.5 + 0.5 * normal.y;
  vec3 ambient = mix(vec3(0.62, 0.52, 0.42), vec3(0.70, 0.80, 0.98), up);
  vec3 environment = ambient;
  if (glossy) environment = mix(sky(reflect(-eyeward, normal)), ambient, roughness);
  vec4 r = roughness * vec4(-1.0, -0.0275, -0.572, 0.022) + vec4(1.0, 0.0425, 1.04, -0.04);
  float a004 = (glossy ? min(r.x * r.x, exp2(-9.28 * nv)) : r.x * r.x) * r.x + r.y;
  vec2 share = vec2(-1.04, 1.04) * a004 + r.zw;
  float open = skyOpenness * (0.75 + 0.25 * height);
  light += (diffuse * ambient + (specular * share.x + share.y) * environment) * open;

  colour = vec4(display(light), 1.0);
  colour.rgb += draw.surface.w * vec3(0.10, 0.16, 0.22);
}
