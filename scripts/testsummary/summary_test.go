package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// account feeds lines of go test -json to a fresh summary and returns it with what it printed.
func account(t *testing.T, lines ...string) (*summary, string) {
	t.Helper()
	var out bytes.Buffer
	s := newSummary(&out)
	require.NoError(t, s.read(strings.NewReader(strings.Join(lines, "\n"))))
	s.close()
	return s, out.String()
}

func TestSummary(t *testing.T) {
	t.Parallel()

	t.Run("drops what passing tests print and keeps the closing line", func(t *testing.T) {
		t.Parallel()
		s, printed := account(
			t,
			`{"Action":"run","Package":"a","Test":"TestOne"}`,
			`{"Action":"output","Package":"a","Test":"TestOne","Output":"noise\n"}`,
			`{"Action":"pass","Package":"a","Test":"TestOne"}`,
			`{"Action":"output","Package":"a","Output":"PASS\n"}`,
			`{"Action":"output","Package":"a","Output":"ok  \ta\t0.1s\n"}`,
			`{"Action":"pass","Package":"a"}`,
		)
		assert.Equal(t, "ok  \ta\t0.1s\n", printed)
		assert.Equal(t, counts{Packages: 1, Tests: 1}, s.counts)
		assert.False(t, s.broken)
	})

	t.Run("prints a failed test whole before its package's closing line", func(t *testing.T) {
		t.Parallel()
		s, printed := account(
			t,
			`{"Action":"output","Package":"a","Test":"TestOne","Output":"=== RUN   TestOne\n"}`,
			`{"Action":"output","Package":"a","Test":"TestOne","Output":"    one_test.go:7: want 2, got 3\n"}`,
			`{"Action":"fail","Package":"a","Test":"TestOne"}`,
			`{"Action":"output","Package":"a","Output":"FAIL\ta\t0.1s\n"}`,
			`{"Action":"fail","Package":"a"}`,
		)
		assert.Equal(t, "\n=== FAILED a TestOne\n    one_test.go:7: want 2, got 3\nFAIL\ta\t0.1s\n", printed)
		assert.Equal(t, counts{Packages: 1, Tests: 1, Failed: 1}, s.counts)
		assert.True(t, s.broken)
	})

	t.Run("shows the test that a panic cut off, and the panic", func(t *testing.T) {
		t.Parallel()
		_, printed := account(
			t,
			`{"Action":"output","Package":"a","Test":"TestOne","Output":"half a line\n"}`,
			`{"Action":"output","Package":"a","Output":"panic: boom\n"}`,
			`{"Action":"output","Package":"a","Output":"FAIL\ta\t0.1s\n"}`,
			`{"Action":"fail","Package":"a"}`,
		)
		assert.Contains(t, printed, "=== NOT FINISHED a TestOne\nhalf a line\n")
		assert.Contains(t, printed, "panic: boom\n")
	})

	t.Run("counts a broken build as a failure and prints the compiler's words", func(t *testing.T) {
		t.Parallel()
		s, printed := account(
			t,
			`{"Action":"build-output","ImportPath":"a","Output":"a.go:1: syntax error\n"}`,
			`{"Action":"build-fail","ImportPath":"a"}`,
			`{"Action":"output","Package":"a","Output":"FAIL\ta [build failed]\n"}`,
			`{"Action":"fail","Package":"a","FailedBuild":"a"}`,
		)
		assert.Contains(t, printed, "a.go:1: syntax error\n")
		assert.Contains(t, printed, "FAIL\ta [build failed]\n")
		assert.True(t, s.broken)
	})

	t.Run("lists skipped tests with their reason", func(t *testing.T) {
		t.Parallel()
		s, printed := account(
			t,
			`{"Action":"output","Package":"a","Test":"TestOne","Output":"    one_test.go:9: no npm here\n"}`,
			`{"Action":"output","Package":"a","Test":"TestOne","Output":"--- SKIP: TestOne (0.00s)\n"}`,
			`{"Action":"skip","Package":"a","Test":"TestOne"}`,
			`{"Action":"pass","Package":"a"}`,
		)
		assert.Equal(t, "skipped: a TestOne: one_test.go:9: no npm here\n", printed)
		assert.Equal(t, 1, s.counts.Skipped)
	})

	t.Run("passes on lines that are not JSON", func(t *testing.T) {
		t.Parallel()
		_, printed := account(t, "go: downloading something")
		assert.Equal(t, "go: downloading something\n", printed)
	})
}

func TestResult(t *testing.T) {
	t.Parallel()
	s := newSummary(&bytes.Buffer{})
	s.counts = counts{Packages: 2, Tests: 30, Failed: 1, Skipped: 4}
	assert.Equal(t, "RESULT test-db=failed packages=2 tests=30 failed=1 skipped=4 seconds=5",
		s.result("test-db", false, 5*time.Second))
}

func TestRun(t *testing.T) {
	t.Parallel()

	t.Run("fails when no test ran", func(t *testing.T) {
		t.Parallel()
		var out, stderr bytes.Buffer
		assert.False(t, run(t.Context(), []string{"--", "-run", "^$", "."}, &out, &stderr))
		assert.Contains(t, out.String(), "no test ran")
		assert.Contains(t, out.String(), "RESULT test=failed")
	})

	t.Run("passes when a test ran and passed", func(t *testing.T) {
		t.Parallel()
		var out, stderr bytes.Buffer
		assert.Truef(t, run(t.Context(), []string{"-name", "self", "--", "-run", "^TestResult$", "."}, &out, &stderr), "%s%s", out.String(), stderr.String())
		assert.Contains(t, out.String(), "RESULT self=ok packages=1 tests=1 failed=0 skipped=0")
	})
}
