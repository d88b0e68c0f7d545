#include "panels/op_table.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>

namespace demo {
namespace {

enum Column : ImGuiID { kOp, kDispatches, kTime, kShare, kRate };

struct Row {
  std::string name;
  std::uint64_t dispatches = 0;
  double microseconds = 0, multiplyAdds = 0;
  double gigaflops() const { return microseconds > 0 ? 2e-3 * multiplyAdds / microseconds : 0; }
};

double valueOf(const Row& row, ImGuiID column) {
  switch (column) {
    case kDispatches:
      return static_cast<double>(row.dispatches);
    case kRate:
      return row.gigaflops();
    default:
      return row.microseconds;  // time, and its share
  }
}

void sortRows(std::vector<Row>& rows) {
  const ImGuiTableSortSpecs* const specs = ImGui::TableGetSortSpecs();
  if (!specs || specs->SpecsCount == 0) return;
  const ImGuiID column = specs->Specs[0].ColumnUserID;
  const bool up = specs->Specs[0].SortDirection == ImGuiSortDirection_Ascending;
  std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
    if (column == kOp) return up ? a.name < b.name : b.name < a.name;
    return up ? valueOf(a, column) < valueOf(b, column) : valueOf(b, column) < valueOf(a, column);
  });
}

/// What has come since a moment, which the button sets; ops keep their names, so they are told apart by those.
std::vector<Row> rowsSince(const std::vector<RvlOpStatistics>& now, std::map<std::string, RvlOpStatistics>& from,
                           bool reset) {
  std::vector<Row> rows;
  for (const RvlOpStatistics& op : now) {
    RvlOpStatistics& before = from[op.name];
    if (reset || op.dispatches < before.dispatches) before = reset ? op : RvlOpStatistics{};  // another context: anew
    if (op.dispatches == before.dispatches) continue;
    rows.push_back({op.name, op.dispatches - before.dispatches, op.device_us - before.device_us,
                    static_cast<double>(op.multiply_adds - before.multiply_adds)});
  }
  return rows;
}

}  // namespace

void opTable(PanelContext& context) {
  static std::map<std::string, RvlOpStatistics> from;
  ImGui::SeparatorText("Ops");
  const bool reset = ImGui::Button("Count from now");
  std::vector<Row> rows = rowsSince(context.generator.opStatistics(), from, reset);
  double microseconds = 0;
  std::uint64_t dispatches = 0;
  for (const Row& row : rows) {
    microseconds += row.microseconds;
    dispatches += row.dispatches;
  }
  ImGui::SameLine();
  ImGui::AlignTextToFramePadding();
  ImGui::TextDisabled("%.0f ms of the device, %llu dispatches", microseconds / 1000,
                      static_cast<unsigned long long>(dispatches));
  constexpr ImGuiTableFlags kFlags = ImGuiTableFlags_Sortable | ImGuiTableFlags_RowBg | ImGuiTableFlags_ScrollY |
                                     ImGuiTableFlags_SizingFixedFit | ImGuiTableFlags_NoSavedSettings;
  if (!ImGui::BeginTable("ops", 5, kFlags)) return;
  constexpr ImGuiTableColumnFlags kDown = ImGuiTableColumnFlags_PreferSortDescending;
  const auto width = [&](const char* widest) { return ImGui::CalcTextSize(widest).x; };
  ImGui::TableSetupScrollFreeze(0, 1);
  ImGui::TableSetupColumn("Op", ImGuiTableColumnFlags_WidthStretch, 0, kOp);
  ImGui::TableSetupColumn("Runs", kDown, width("999999_"), kDispatches);
  ImGui::TableSetupColumn("ms", kDown | ImGuiTableColumnFlags_DefaultSort, width("99999.9_"), kTime);
  ImGui::TableSetupColumn("%", kDown, width("99.9_"), kShare);
  ImGui::TableSetupColumn("GFLOP/s", kDown, width("GFLOP/s __"), kRate);
  ImGui::TableHeadersRow();
  sortRows(rows);
  for (const Row& row : rows) {
    ImGui::TableNextColumn();
    ImGui::TextUnformatted(row.name.c_str());
    ImGui::SetItemTooltip("%s", row.name.c_str());
    ImGui::TableNextColumn();
    ImGui::Text("%llu", static_cast<unsigned long long>(row.dispatches));
    ImGui::TableNextColumn();
    ImGui::Text("%.1f", row.microseconds / 1000);
    ImGui::TableNextColumn();
    ImGui::Text("%.1f", microseconds > 0 ? 100 * row.microseconds / microseconds : 0.0);
    ImGui::TableNextColumn();
    if (row.multiplyAdds > 0) {
      ImGui::Text("%.1f", row.gigaflops());
    } else {
      ImGui::TextDisabled("-");
    }
  }
  ImGui::EndTable();
}

}  // namespace demo
