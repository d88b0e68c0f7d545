#include "training/norm_silu_pad.h"

#include <ATen/Parallel.h>

namespace rivulet::training {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr auto kChannelsLast = at::MemoryFormat::ChannelsLast;

NormSiluPadImage describe(const at::Tensor& x, double epsilon, bool outputBf16, bool zeroBorder) {
  NormSiluPadImage image;
  image.height = static_cast<int>(x.size(2));
  image.width = static_cast<int>(x.size(3));
  image.channels = static_cast<int>(x.size(1));
  image.epsilon = static_cast<float>(epsilon);
  image.inputBf16 = x.scalar_type() == at::kBFloat16;
  image.outputBf16 = outputBf16;
  image.border = zeroBorder ? Border::Zero : Border::Circular;
  return image;
}

// Calls f(image of sample n, n) for each sample, in parallel; each sample's sums are its own, so the split does not
// change them.
template <class F>
void forEachSample(const at::Tensor& x, const at::Tensor& gain, const at::Tensor& shift, NormSiluPadImage image,
                   F&& f) {
  const auto bytes = static_cast<std::size_t>(x.element_size() * x.size(1) * x.size(2) * x.size(3));
  const auto* input = static_cast<const char*>(x.data_ptr());
  const float* gains = gain.data_ptr<float>();
  const float* shifts = shift.data_ptr<float>();
  at::parallel_for(0, x.size(0), 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) {
      NormSiluPadImage one = image;
      one.input = input + static_cast<std::size_t>(n) * bytes;
      one.gain = gains + n * image.channels;
      one.shift = shifts + n * image.channels;
      f(one, n);
    }
  });
}

struct NormSiluPadFunction : torch::autograd::Function<NormSiluPadFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& gain,
                            const at::Tensor& shift, double epsilon, int64_t type, bool zeroBorder) {
    const at::Tensor input = x.contiguous(kChannelsLast), gains = gain.contiguous(), shifts = shift.contiguous();
    const bool bf16 = static_cast<at::ScalarType>(type) == at::kBFloat16;
    at::Tensor output = at::empty({x.size(0), x.size(1), x.size(2) + 2, x.size(3) + 2},
                                  x.options().dtype(static_cast<at::ScalarType>(type)).memory_format(kChannelsLast));
    char* base = static_cast<char*>(output.data_ptr());
    const auto bytes = output.element_size() * output.size(1) * output.size(2) * output.size(3);
    forEachSample(input, gains, shifts, describe(input, epsilon, bf16, zeroBorder),
                  [&](const NormSiluPadImage& image, int64_t n) { normSiluPadForward(image, base + n * bytes); });
    context->save_for_backward({input, gains, shifts});
    context->saved_data["epsilon"] = epsilon;
    context->saved_data["bf16"] = bf16;
    context->saved_data["zero_border"] = zeroBorder;
    return output;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &input = saved[0], &gains = saved[1], &shifts = saved[2];
    const bool bf16 = context->saved_data["bf16"].toBool();
    const at::Tensor gradOutput = grads[0].to(bf16 ? at::kBFloat16 : at::kFloat).contiguous(kChannelsLast);
    at::Tensor gradInput = at::empty_like(input, input.options(), kChannelsLast);
    at::Tensor gradGain = at::empty_like(gains), gradShift = at::empty_like(shifts);
    const auto outBytes = gradOutput.element_size() * gradOutput.size(1) * gradOutput.size(2) * gradOutput.size(3);
    const auto inBytes = input.element_size() * input.size(1) * input.size(2) * input.size(3);
    const char* out = static_cast<const char*>(gradOutput.data_ptr());
    char* in = static_cast<char*>(gradInput.data_ptr());
    float* gainBase = gradGain.data_ptr<float>();
    float* shiftBase = gradShift.data_ptr<float>();
    forEachSample(
        input, gains, shifts,
        describe(input, context->saved_data["epsilon"].toDouble(), bf16, context->saved_data["zero_border"].toBool()),
        [&](const NormSiluPadImage& image, int64_t n) {
          normSiluPadBackward(image, out + n * outBytes, in + n * inBytes, gainBase + n * image.channels,
                              shiftBase + n * image.channels);
        });
    return {gradInput, gradGain, gradShift, {}, {}, {}};
  }
};

struct CircularPadFunction : torch::autograd::Function<CircularPadFunction> {
  static at::Tensor forward(AutogradContext*, const at::Tensor& x) {
    const int64_t height = x.size(2), width = x.size(3);
    at::Tensor output =
        at::empty({x.size(0), x.size(1), height + 2, width + 2}, x.options().memory_format(x.suggest_memory_format()));
    at::Tensor rows = output.narrow(2, 1, height);
    rows.narrow(3, 1, width).copy_(x);
    rows.narrow(3, 0, 1).copy_(x.narrow(3, width - 1, 1));
    rows.narrow(3, width + 1, 1).copy_(x.narrow(3, 0, 1));
    output.narrow(2, 0, 1).copy_(output.narrow(2, height, 1));
    output.narrow(2, height + 1, 1).copy_(output.narrow(2, 1, 1));
    return output;
  }

  static variable_list backward(AutogradContext*, variable_list grads) {
    const at::Tensor& g = grads[0];
    const int64_t height = g.size(2) - 2, width = g.size(3) - 2;
    // Fold the border rows in, then the border columns.
    at::Tensor rows = g.narrow(2, 1, height).clone(g.suggest_memory_format());
    rows.narrow(2, height - 1, 1).add_(g.narrow(2, 0, 1));
    rows.narrow(2, 0, 1).add_(g.narrow(2, height + 1, 1));
    at::Tensor inside = rows.narrow(3, 1, width).clone(g.suggest_memory_format());
    inside.narrow(3, width - 1, 1).add_(rows.narrow(3, 0, 1));
    inside.narrow(3, 0, 1).add_(rows.narrow(3, width + 1, 1));
    return {inside};
  }
};

}  // namespace

at::Tensor circularPad(const at::Tensor& x) {
  return CircularPadFunction::apply(x);
}

at::Tensor pad(const at::Tensor& x, Border border) {
  return border == Border::Circular ? circularPad(x) : at::constant_pad_nd(x, {1, 1, 1, 1});
}

at::Tensor normSiluPadComposed(const at::Tensor& x, const at::Tensor& gain, const at::Tensor& shift, double epsilon,
                               at::ScalarType type, Border border) {
  const at::Tensor a = x.to(at::kFloat);
  const at::Tensor normed = a * at::rsqrt(a.square().mean(1, true) + epsilon);
  const at::Tensor silu = at::silu(normed * gain.unsqueeze(-1).unsqueeze(-1) + shift.unsqueeze(-1).unsqueeze(-1));
  return pad(silu.to(type), border);
}

at::Tensor normSiluPad(const at::Tensor& x, const at::Tensor& gain, const at::Tensor& shift, double epsilon,
                       at::ScalarType type, Border border) {
  const bool known = (type == at::kFloat || type == at::kBFloat16) &&
                     (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
  if (!x.device().is_cpu() || !known || x.size(1) > kNormSiluPadMaxChannels) {
    return normSiluPadComposed(x, gain, shift, epsilon, type, border);
  }
  return NormSiluPadFunction::apply(x, gain, shift, epsilon, static_cast<int64_t>(type), border == Border::Zero);
}

}  // namespace rivulet::training
