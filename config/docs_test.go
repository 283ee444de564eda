package config

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEverySettingIsDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/env.md")
	require.NoError(t, err)
	for _, one := range settings {
		assert.Contains(t, string(page), "| `"+one.key+"` |")
		for _, name := range one.env {
			assert.Contains(t, string(page), "`"+name+"`")
		}
		if one.flag != "" {
			assert.Contains(t, string(page), "`--"+one.flag+"`")
		}
	}
}
