#pragma once
// A context with a model on a host device, and the calls that nearly every test makes.

#include <cstring>

#include "plugin/plugin_host.h"

namespace rivulet::test {

class PluginTest : public GpuTest {
 protected:
  template <class Change>
  void open(Change&& change, const HostOptions& options, std::span<const std::byte> modelFile) {
    close();
    host_ = std::make_unique<PluginHost>(options);
    host_->createContext(change);
    model_ = host_->load(modelFile);
  }
  template <class Change>
  void open(Change&& change, const HostOptions& options = {}, const TinyTextureUNet& model = {}) {
    open(change, options, model.bytes());
  }
  void open() {
    open([](RvlContextInfo&) {});
  }
  void close() { host_.reset(); }
  void TearDown() override {
    close();
    GpuTest::TearDown();
  }

  PluginHost& host() { return *host_; }
  RvlContext context() const { return host_->context(); }
  RvlModel model() const { return model_; }
  RvlRequest ask(const RvlRequestInfo& info) {
    RvlRequest request{};
    EXPECT_EQ(api().request(context(), &info, &request), RVL_SUCCESS) << api().lastError();
    return request;
  }
  RvlRequest ask(std::uint64_t seed, std::uint32_t steps = 2) { return ask(requestInfo(model_, seed, steps)); }
  /// Level 0 of a ready request with four bytes a texel.
  std::vector<std::byte> bytesOf(RvlRequest request) {
    auto image = sized<RvlImage>();
    EXPECT_EQ(api().acquireImage(context(), request, &image), RVL_SUCCESS) << api().lastError();
    if (!image.image) return {};
    auto bytes =
        host_->read(image.image, image.layout, 0, image.width, image.height, 4ull * image.width * image.height);
    EXPECT_EQ(api().unacquireImage(context(), request), RVL_SUCCESS);
    return bytes;
  }
  /// Asks, waits, reads and releases.
  std::vector<std::byte> make(const RvlRequestInfo& info) {
    const RvlRequest request = ask(info);
    EXPECT_EQ(host_->finish(request), RVL_STATE_READY);
    auto bytes = bytesOf(request);
    EXPECT_EQ(api().releaseRequest(context(), request), RVL_SUCCESS);
    return bytes;
  }
  std::vector<std::byte> make(std::uint64_t seed, std::uint32_t steps = 2) {
    return make(requestInfo(model_, seed, steps));
  }
  RvlStatistics statistics() {
    auto statistics = sized<RvlStatistics>();
    EXPECT_EQ(api().getStatistics(context(), &statistics), RVL_SUCCESS) << api().lastError();
    return statistics;
  }

 private:
  std::unique_ptr<PluginHost> host_;
  RvlModel model_{};
};

}  // namespace rivulet::test
