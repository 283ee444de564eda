package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var logKeyRow = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| .* \\|$")

// TestEveryLogKeyIsDocumented keeps the section "Logs" of docs/operations.md equal to the keys that the worker's sources
// log with: people filter by them.
func TestEveryLogKeyIsDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(page), "\n## Logs\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	documented := []string{"level", "msg", "time"}
	for _, row := range logKeyRow.FindAllStringSubmatch(section, -1) {
		documented = append(documented, row[1])
	}
	logged := []string{"level", "msg", "time"} // slog's own
	for _, folder := range []string{"../../realtime", "../../worker", "../../supabase", "."} {
		logged = append(logged, logKeys(t, folder)...)
	}
	slices.Sort(documented)
	slices.Sort(logged)
	assert.Equal(t, slices.Compact(logged), slices.Compact(documented))
}

// logKeys reads the sources below a folder, without tests and without the stand-in.
func logKeys(t *testing.T, folder string) []string {
	t.Helper()
	var keys []string
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "local":
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if call, ok := node.(*ast.CallExpr); ok {
				keys = append(keys, keysOf(call)...)
			}
			return true
		})
		return nil
	}))
	return keys
}

// keysOf are the keys of one call that logs, or that makes an attribute.
func keysOf(call *ast.CallExpr) []string {
	called, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	first := map[string]int{"DebugContext": 2, "InfoContext": 2, "WarnContext": 2, "ErrorContext": 2, "Log": 3, "With": 0}[called.Sel.Name]
	if pkg, ok := called.X.(*ast.Ident); ok && pkg.Name == "slog" && len(call.Args) > 1 {
		call, first = &ast.CallExpr{Args: call.Args[:1]}, 0
	} else if first == 0 {
		return nil
	}
	var keys []string
	for i := first; i < len(call.Args); i += 2 {
		if literal, ok := call.Args[i].(*ast.BasicLit); ok && literal.Kind == token.STRING {
			key, _ := strconv.Unquote(literal.Value)
			keys = append(keys, key)
		}
	}
	return keys
}
