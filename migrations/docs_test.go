package migrations_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/supportbase/handoff/migrations"
)

var refusal = regexp.MustCompile(`handoff\.fail\((\d{3}), '([a-z_]+)'`)

func TestEveryRefusalIsDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/errors.md")
	require.NoError(t, err)
	for _, file := range migrations.Files() {
		for _, found := range refusal.FindAllStringSubmatch(file.SQL, -1) {
			row := "| " + found[1] + " | `" + found[2] + "` |"
			assert.True(t, strings.Contains(string(page), row), "docs/errors.md lacks a row %s for %s", row, file.Name)
		}
	}
}
