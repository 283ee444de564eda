package rig

import (
	_ "embed" // the supervisor's script
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

//go:embed supervise.sh
var superviseScript []byte

// binariesVariable is where the stand-in looks for a server first.
const binariesVariable = "HANDOFF_POSTGRES_BIN"

var errNoBinaries = errors.New("no Postgres server in PATH or in the usual places")

// superviseIn makes a folder of binaries whose `postgres` is the supervisor, and returns it.
func superviseIn(folder string) (string, error) {
	server, err := findPostgres()
	if err != nil {
		return "", err
	}
	bin := filepath.Join(folder, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil { //nolint:gosec // the unprivileged user that runs the server enters it
		return "", fmt.Errorf("make %s: %w", bin, err)
	}
	write := func(name string, text []byte, mode os.FileMode) error {
		return os.WriteFile(filepath.Join(bin, name), text, mode)
	}
	err = errors.Join(
		write("real", []byte(filepath.Join(server, "postgres")+"\n"), 0o644),
		write("postgres", superviseScript, 0o755),
		os.Symlink(filepath.Join(server, "initdb"), filepath.Join(bin, "initdb")),
	)
	if err != nil {
		return "", fmt.Errorf("write the supervisor of Postgres: %w", err)
	}
	return bin, nil
}

// findPostgres returns the real folder of a server's programs.
func findPostgres() (string, error) {
	candidates := []string{os.Getenv(binariesVariable)}
	if path, err := exec.LookPath("postgres"); err == nil {
		candidates = append(candidates, filepath.Dir(path))
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return "", fmt.Errorf("look for Postgres in %s: %w", pattern, err)
		}
		slices.Reverse(found) // the newest last name first
		candidates = append(candidates, found...)
	}
	for _, folder := range candidates {
		path, err := filepath.EvalSymlinks(filepath.Join(folder, "initdb"))
		if folder != "" && err == nil && isFile(filepath.Join(filepath.Dir(path), "postgres")) {
			return filepath.Dir(path), nil
		}
	}
	return "", errNoBinaries
}

// Program is the path of a program that belongs to the server, such as pg_recvlogical; empty when there is none.
func Program(name string) string {
	if folder, err := findPostgres(); err == nil && isFile(filepath.Join(folder, name)) {
		return filepath.Join(folder, name)
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return ""
	}
	return path
}

func isFile(path string) bool {
	info, err := os.Stat(path) //nolint:gosec // the developer's own PATH and settings
	return err == nil && info.Mode().IsRegular()
}
