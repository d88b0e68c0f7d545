// What the scene's shaders share. SceneUniforms in scene/renderer.cpp and Draw there are the same.

layout(set = 0, binding = 0, std140) uniform Scene {
  mat4 viewProjection;
  mat4 inverseViewProjection;
  mat4 shadow;      // world to the shadow map's texture coordinates
  vec4 eye;         // w: exposure
  vec4 sun;         // towards it; w: how much of it there is
} scene;

// The sky's colour in a direction, linear: what is behind the scene, what lights it, and what it mirrors.
vec3 sky(vec3 direction) {
  float up = direction.y;
  vec3 zenith = vec3(0.16, 0.33, 0.68), horizon = vec3(0.78, 0.80, 0.80), ground = vec3(0.26, 0.23, 0.20);
  vec3 above = mix(horizon, zenith, sqrt(max(up, 0.0)));
  vec3 colour = mix(ground, above, smoothstep(-0.12, 0.06, up));
  float towards = max(dot(direction, scene.sun.xyz), 0.0);
  float glow = towards * towards * towards * towards;
  return colour + vec3(1.0, 0.72, 0.42) * (0.22 * glow * glow);
}

// Narkowicz's fit of the ACES film curve, then the display's encoding: nearly the square root, and that is what it is
// here, since powers take a processor as long as all of the lighting.
vec3 display(vec3 linear) {
  vec3 x = linear * scene.eye.w;
  x = clamp(x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14), 0.0, 1.0);
  return sqrt(x) * (0.94 + 0.06 * x);
}
