// rivulet-train evaluate from end to end: a tiny network on the Vulkan device against a few pictures. Where there is no
// device, these tests are skipped: the runtime's own fail there and say what to install.
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "../scratch.h"
#include "core/error.h"
#include "support/tiny_texture_unet.h"
#include "training/evaluation/classifier_trainer.h"
#include "training/evaluation/commands.h"
#include "training/evaluation/texture_source.h"
#include "vk/device.h"

namespace rivulet::training {
namespace {

class Evaluate : public ::testing::Test {
 protected:
  void SetUp() override {
    try {
      vk::Device::create();
    } catch (const rivulet::Error& error) {
      GTEST_SKIP() << error.what();
    }
    for (int i = 0; i < 8; ++i) {
      scratch_.picture("data/brick/" + std::to_string(i) + ".png", 32, static_cast<std::uint64_t>(i));
      scratch_.picture("data/moss/" + std::to_string(i) + ".png", 32, static_cast<std::uint64_t>(100 + i));
    }
    std::ofstream(list_) << "brick/0.png\nbrick/1.png\nmoss/3.png\n";
    const std::vector<std::byte> bytes = test::TinyTextureUNet{}.bytes();
    std::ofstream(model_, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    ASSERT_EQ(errorFrom("classifier --data " + data_ + " --heldout " + list_ + " --out " + classifier_ +
                        " --size 16 --widths 4,8 --steps 3 --batch 4"),
              "");
  }

  // What the command line throws at, "" where it does not.
  static std::string errorFrom(const std::string& arguments) {
    CLI::App app;
    training::Run run;
    addClassifier(app, run);
    addEvaluate(app, run);
    try {
      app.parse(arguments);
      ::testing::internal::CaptureStdout();
      run();
      out_ = ::testing::internal::GetCapturedStdout();
    } catch (const CLI::Error& error) {
      return error.what();
    } catch (const std::exception& error) {
      ::testing::internal::GetCapturedStdout();
      return error.what();
    }
    return {};
  }

  std::string evaluate(const std::string& more) const {
    return errorFrom("evaluate --model " + model_ + " --data " + data_ + " --heldout " + list_ + " --classifier " +
                     classifier_ + " --count 18 --resamples 20 " + more);
  }

  static nlohmann::json parsed(const std::string& path) {
    std::ifstream in(path);
    return nlohmann::json::parse(in);
  }

  const Scratch scratch_;
  const std::string data_ = (scratch_.path() / "data").string(), list_ = (scratch_.path() / "list.txt").string(),
                    model_ = (scratch_.path() / "tiny.safetensors").string(),
                    classifier_ = (scratch_.path() / "classifier.safetensors").string(),
                    json_ = (scratch_.path() / "a.json").string(), again_ = (scratch_.path() / "b.json").string(),
                    markdown_ = (scratch_.path() / "a.md").string();
  static inline std::string out_;
};

TEST_F(Evaluate, MeasuresEverySamplerStepsAndSize) {
  ASSERT_EQ(evaluate("--samplers flow_euler:1,2 --size 16,32 --json " + json_ + " --markdown " + markdown_), "");
  const nlohmann::json json = parsed(json_);
  ASSERT_EQ(json["rows"].size(), 6u);
  EXPECT_EQ(json["data"]["held_out_images"], 3);
  EXPECT_EQ(json["data"]["images_asked_for"], 3);
  const auto& again = json["rows"][0]["overall"];
  EXPECT_EQ(json["rows"][0]["kind"], "real");
  EXPECT_NEAR(again["nearest_structure_ratio"]["value"], 1, 0.2);
  for (std::size_t i = 2; i < 6; ++i) {
    const auto& row = json["rows"][i];
    EXPECT_EQ(row["kind"], "generated");
    EXPECT_EQ(row["steps"], i % 2 == 0 ? 1 : 2);
    EXPECT_EQ(row["size"], i < 4 ? 16 : 32);
    EXPECT_EQ(row["overall"]["crops"], 18);
    EXPECT_EQ(row["overall"]["textures"], i < 4 ? 18 : 6);  // a texture of 32 gives four crops; three prompts, twice
    EXPECT_EQ(row["not_finite"], 0);
    EXPECT_GT(row["milliseconds_per_texture"], 0);
    EXPECT_GT(row["overall"]["kernel_distance"]["value"], again["kernel_distance"]["value"]);
    EXPECT_GT(row["overall"]["sliced_wasserstein"]["value"], again["sliced_wasserstein"]["value"]);
    EXPECT_NEAR(row["overall"]["seam_ratio"]["value"], 1, 0.3);  // it wraps
    EXPECT_EQ(row["overall"]["style_error"]["components"].size(), 10u);
    EXPECT_EQ(row["per_class"].size(), 2u);
  }
  EXPECT_NE(out_.find("flow_euler"), std::string::npos);
  std::ifstream markdown(markdown_);
  const std::string text((std::istreambuf_iterator<char>(markdown)), {});
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 8);
}

TEST_F(Evaluate, TheSameSeedGivesTheSameFigures) {
  ASSERT_EQ(evaluate("--samplers 2 --json " + json_), "");
  ASSERT_EQ(evaluate("--samplers 2 --lanes 3 --json " + again_), "");
  nlohmann::json one = parsed(json_), other = parsed(again_);
  for (nlohmann::json* json : {&one, &other}) {
    for (auto& row : (*json)["rows"]) row.erase("milliseconds_per_texture");
  }
  EXPECT_EQ(one["rows"], other["rows"]);
  ASSERT_EQ(evaluate("--samplers 2 --seed 9 --json " + again_), "");
  EXPECT_NE(parsed(again_)["rows"][2]["overall"], one["rows"][2]["overall"]);
}

TEST_F(Evaluate, SaysWhatIsWrongBeforeItStarts) {
  const auto expect = [&](const std::string& arguments, std::initializer_list<const char*> words) {
    const std::string message = evaluate(arguments);
    for (const char* word : words) EXPECT_NE(message.find(word), std::string::npos) << word << " in: " << message;
  };
  expect("--samplers flow_eulr:4", {"flow_eulr", "flow_euler"});
  expect("--samplers flow_euler", {"--samplers", "flow_euler:1,2,4"});
  expect("--size 8 --samplers 1", {"--size 8", "16 pixels", "classifier"});
  expect("--size 20 --samplers 1", {"20"});
  expect("--json /no/such/folder/a.json", {"--json", "/no/such/folder"});
  expect("--device 99 --samplers 1", {"99"});
  EXPECT_NE(errorFrom("evaluate --model " + model_ + " --data " + data_ + " --holdout 0.5 --classifier " + classifier_)
                .find("held out"),
            std::string::npos);
  EXPECT_NE(errorFrom("evaluate --model " + model_ + " --data " + data_ + " --classifier " + scratch_.path().string() +
                      "/none")
                .find("rivulet-train classifier"),
            std::string::npos);
  EXPECT_NE(errorFrom("evaluate --model " + model_ + " --data /no/such/folder").find("/no/such/folder"),
            std::string::npos);
}

TEST_F(Evaluate, NamesAClassTheModelDoesNotKnow) {
  scratch_.picture("data/cloth/0.png", 32, 1);
  scratch_.picture("data/cloth/1.png", 32, 2);
  std::ofstream(list_) << "brick/0.png\ncloth/1.png\n";
  ASSERT_EQ(errorFrom("classifier --data " + data_ + " --heldout " + list_ + " --out " + classifier_ +
                      " --size 16 --widths 4,8 --steps 3 --batch 4"),
            "");
  const std::string message = evaluate("--samplers 1");
  for (const char* word : {"no class cloth", "cloth/1.png", "--data"}) {
    EXPECT_NE(message.find(word), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace rivulet::training
