package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	featureRow = regexp.MustCompile(`(?m)^\| ([A-Z]\d+) \|.*\| (planned|partly|done) \| (.*) \|$`)
	proofOf    = regexp.MustCompile("`([^`]+)`([^;`]*)")
	testName   = regexp.MustCompile(`\bTest\w+`)
)

// TestEveryFeatureHasItsProof reads docs/features.md: the tests that a row names must exist, and a row without one is not done.
func TestEveryFeatureHasItsProof(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/features.md")
	require.NoError(t, err)
	rows := featureRow.FindAllStringSubmatch(string(page), -1)
	require.NotEmpty(t, rows)
	for _, row := range rows {
		id, state, proof := row[1], row[2], row[3]
		if state == "planned" {
			assert.Equal(t, "-", proof, "%s is planned: it can have no proof", id)
			continue
		}
		files := proofOf.FindAllStringSubmatch(proof, -1)
		require.NotEmpty(t, files, "%s is %s without a proof", id, state)
		for _, named := range files {
			assertProves(t, id, named[1], named[2])
		}
	}
}

func assertProves(t *testing.T, id, path, names string) {
	t.Helper()
	if !strings.Contains(path, "/") {
		return // a table or a function, not a file
	}
	source, err := os.ReadFile(filepath.Join("..", "..", path))
	require.NoError(t, err, id)
	for _, name := range testName.FindAllString(names, -1) {
		if !strings.Contains(string(source), "func "+name+"(") {
			t.Errorf("%s: %s has no %s", id, path, name)
		}
	}
}
