package metrics_test

import (
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/cmd/handoff/metrics"
)

var update = flag.Bool("update", false, "rewrite the table of docs/operations.md")

const (
	page       = "../../../docs/operations.md"
	tableBegin = "<!-- metrics: written by go test ./cmd/handoff/metrics -run TestEveryMetricIsDocumented -update -->\n"
	tableEnd   = "<!-- end of metrics -->\n"
)

func TestEveryMetricIsDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(text), tableBegin)
	require.True(t, found, "the page has no place for the table")
	table, after, found := strings.Cut(rest, tableEnd)
	require.True(t, found, "the table has no end")
	want := "\n" + metrics.Table() + "\n"
	if *update {
		require.NoError(t, os.WriteFile(page, []byte(before+tableBegin+want+tableEnd+after), 0o600))
		return
	}
	assert.Equal(t, want, table, "run the command in the comment above the table")
}

var sample = regexp.MustCompile(`(?m)^# TYPE (handoff_\w+) (\w+)$`)

func TestTheCatalogueIsWhatIsShown(t *testing.T) {
	t.Parallel()
	_, text := get(t, start(t, metrics.Options{Sources: sources(t)})+"/metrics")
	shown := map[string]string{}
	for _, found := range sample.FindAllStringSubmatch(text, -1) {
		shown[found[1]] = found[2]
	}
	described := map[string]string{}
	for _, entry := range metrics.Catalogue() {
		described[entry.Name] = entry.Type
	}
	assert.Equal(t, described, shown)
}

func TestNamesFollowTheConventions(t *testing.T) {
	t.Parallel()
	for _, entry := range metrics.Catalogue() {
		assert.Regexp(t, `^handoff_[a-z]+(_[a-z]+)*$`, entry.Name)
		assert.Equal(t, entry.Type == "counter", strings.HasSuffix(entry.Name, "_total"), entry.Name)
		assert.True(t, strings.HasSuffix(entry.Help, "."), entry.Name)
		assert.NotEmpty(t, entry.Unit, entry.Name)
		if strings.Contains(entry.Name, "seconds") {
			assert.Contains(t, []string{"seconds", "Unix time"}, entry.Unit, entry.Name)
		}
	}
}

var used = regexp.MustCompile(`\bhandoff_[a-z_]+`)

// TestTheDashboardAndTheAlertsUseWhatThereIs keeps deploy/ from naming a metric, or a label, that was renamed.
func TestTheDashboardAndTheAlertsUseWhatThereIs(t *testing.T) {
	t.Parallel()
	var names []string
	for _, entry := range metrics.Catalogue() {
		names = append(names, entry.Name)
		if entry.Type == "histogram" || entry.Type == "summary" {
			names = append(names, entry.Name+"_sum", entry.Name+"_count", entry.Name+"_bucket")
		}
	}
	for _, path := range []string{"../../../deploy/grafana/handoff.json", "../../../deploy/prometheus/alerts.yaml"} {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		found := used.FindAllString(string(text), -1)
		require.NotEmpty(t, found, path)
		for _, name := range found {
			assert.True(t, slices.Contains(names, name), "%s uses %s, which is not shown", path, name)
		}
		if strings.HasSuffix(path, ".json") {
			assert.True(t, json.Valid(text), path)
		}
	}
}
