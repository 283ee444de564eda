package rules_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/migrations"
)

var refusal = regexp.MustCompile(`handoff\.fail\((\d{3}), '([a-z_]+)'`)

func TestEveryRefusalIsDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/errors.md")
	require.NoError(t, err)
	for _, file := range migrations.Files() {
		for _, found := range refusal.FindAllStringSubmatch(file.SQL, -1) {
			row := "| " + found[1] + " | `" + found[2] + "` |"
			if !strings.Contains(string(page), row) {
				t.Errorf("docs/errors.md lacks a row %s for %s", row, file.Name)
			}
		}
	}
}

func TestEveryFunctionIsDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/api.md")
	require.NoError(t, err)
	w := newWorld(t)
	functions := read[[]string](t, w, `select array_agg(proname::text) from pg_proc where pronamespace = 'public'::regnamespace`)
	for _, function := range functions {
		assertSection(t, string(page), function)
	}
	for _, link := range regexp.MustCompile(`\(#([a-z_]+)\)`).FindAllStringSubmatch(string(page), -1) {
		assertSection(t, string(page), link[1])
	}
}

// assertSection does not print the page when it fails.
func assertSection(t *testing.T, page, name string) {
	t.Helper()
	if !strings.Contains(page, "\n### "+name+"\n") {
		t.Errorf("docs/api.md lacks a section %s", name)
	}
}
