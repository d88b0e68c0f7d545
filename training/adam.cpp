#include "training/adam.h"

#include <cmath>

namespace rivulet::training {

Adam::Adam(const at::Tensor& parameters, AdamOptions options)
    : mean(at::zeros_like(parameters)), square(at::zeros_like(parameters)), options_(options) {}

double Adam::update(at::Tensor parameters, at::Tensor grad, double learningRate, int64_t step) {
  const torch::NoGradGuard guard;
  const double norm = grad.norm().item<double>();
  if (norm > options_.clip) grad.mul_(options_.clip / norm);
  const double count = static_cast<double>(step) + 1;
  mean.lerp_(grad, 1 - options_.beta1);
  square.mul_(options_.beta2).addcmul_(grad, grad, 1 - options_.beta2);
  const double correction1 = 1 - std::pow(options_.beta1, count), correction2 = 1 - std::pow(options_.beta2, count);
  const at::Tensor denominator = square.sqrt().div_(std::sqrt(correction2)).add_(options_.epsilon);
  parameters.addcdiv_(mean, denominator, -learningRate / correction1);
  return norm;
}

}  // namespace rivulet::training
