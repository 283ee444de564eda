package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

const (
	npmScope   = "@embedded-postgres/"
	npmVersion = "17.10.0-beta.17"
	npmMajor   = 17
	// npmTimeout bounds the download of about 60 MB.
	npmTimeout = 10 * time.Minute
)

// npmPlatforms maps GOOS/GOARCH to the suffix of the package.
var npmPlatforms = map[string]string{
	"linux/amd64":   "linux-x64",
	"linux/arm64":   "linux-arm64",
	"linux/arm":     "linux-arm",
	"linux/386":     "linux-ia32",
	"linux/ppc64le": "linux-ppc64",
	"darwin/amd64":  "darwin-x64",
	"darwin/arm64":  "darwin-arm64",
}

// npmBinaries returns the servers of the npm package, taking it first when it is not in the cache and opts allow it.
// The error is ErrNoPostgres when there is no package for this machine, no npm, or no permission to install.
func npmBinaries(ctx context.Context, opts Options, run *account, major int) (binaries, error) {
	platform, ok := npmPlatforms[runtime.GOOS+"/"+runtime.GOARCH]
	if !ok {
		return binaries{}, ErrNoPostgres
	}
	if major != 0 && major != npmMajor {
		return binaries{}, errors.Join(ErrNoPostgres, &VersionError{DataDir: opts.DataDir, Cluster: major, Server: npmMajor})
	}
	home := filepath.Join(opts.CacheDir, "npm", platform+"-"+npmVersion)
	if !exists(home) {
		if err := npmInstall(ctx, opts, npmScope+platform, home); err != nil {
			return binaries{}, err
		}
	}
	dir := filepath.Join(home, "node_modules", npmScope+platform, "native", "bin")
	found, err := inspect(ctx, dir, run)
	if err != nil {
		return binaries{}, fmt.Errorf("use the npm package in %s (remove the folder to take it again): %w", home, err)
	}
	return found, nil
}

func npmInstall(ctx context.Context, opts Options, pkg, home string) error {
	if !opts.AllowInstall {
		return ErrNoPostgres
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		return ErrNoPostgres
	}
	opts.Progress("taking PostgreSQL " + npmVersion + " from npm (once, about 60 MB)")
	return stage(home, func(dir string) error {
		if err := npmFetch(ctx, npm, dir, pkg+"@"+npmVersion); err != nil {
			return err
		}
		if err := hydrateSymlinks(filepath.Join(dir, "node_modules", pkg)); err != nil {
			return fmt.Errorf("link libraries of %s: %w", pkg, err)
		}
		return openToAll(dir)
	})
}

// npmFetch runs no script of the package: what the script would do (hydrateSymlinks) is done here, because recent npm
// versions refuse install scripts without a word in the exit code.
func npmFetch(ctx context.Context, npm, dir, spec string) error {
	ctx, cancel := context.WithTimeout(ctx, npmTimeout)
	defer cancel()
	//nolint:gosec // npm of the PATH; the other words are ours
	command := exec.CommandContext(ctx, npm, "install", "--prefix", dir, "--ignore-scripts", "--no-audit", "--no-fund",
		"--loglevel=error", spec)
	command.Dir = dir
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Run(); err != nil {
		return fmt.Errorf("npm install %s: %w: %s", spec, err, strings.TrimSpace(output.String()))
	}
	return nil
}

// hydrateSymlinks makes the links that an npm archive cannot carry: the package lists them in a file, relative to its
// root. Without them the server does not find its libraries.
func hydrateSymlinks(root string) error {
	text, err := os.ReadFile(filepath.Join(root, "native", "pg-symlinks.json")) //nolint:gosec // a file of our cache
	if errors.Is(err, fs.ErrNotExist) {
		return nil // some platforms need no links
	}
	if err != nil {
		return err
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(text, &links); err != nil {
		return err
	}
	inside, err := os.OpenRoot(root) // so that no entry of the file can reach outside the package
	if err != nil {
		return err
	}
	defer inside.Close() //nolint:errcheck // only read from
	for _, link := range links {
		if err := makeLink(inside, link.Source, link.Target); err != nil {
			return err
		}
	}
	return nil
}

func makeLink(root *os.Root, source, target string) error {
	relative, err := filepath.Rel(filepath.Dir(target), source)
	if err != nil {
		return err
	}
	if err := root.Symlink(relative, target); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// openToAll lets every user read and enter what npm wrote, whatever the umask was: the server is another user.
func openToAll(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Type()&fs.ModeSymlink != 0 {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		mode := info.Mode().Perm() | 0o444
		if entry.IsDir() || mode&0o100 != 0 {
			mode |= 0o111
		}
		return os.Chmod(path, mode) //nolint:gosec // nobody else writes to a folder that is being staged
	})
}
