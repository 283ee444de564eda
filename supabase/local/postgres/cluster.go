package postgres

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// initTimeout bounds initdb: half a second on a laptop, much more on a loaded machine with a slow disk.
const initTimeout = 3 * time.Minute

// initArguments make a cluster like a hosted one: UTF-8 with ICU's rules, so that lower() and regular expressions know
// every script on every machine, whatever locales are installed.
var initArguments = []string{
	"--username=" + Superuser, "--auth=scram-sha-256", "--encoding=UTF8",
	"--locale=C", "--locale-provider=icu", "--icu-locale=en-US",
}

// cluster makes data directories.
type cluster struct {
	opts     Options
	place    layout
	account  *account
	binaries binaries
}

// ensure makes the data directory when there is none.
func (c cluster) ensure(ctx context.Context) error {
	if exists(c.place.cluster()) {
		return nil
	}
	if err := os.RemoveAll(c.place.unfinished()); err != nil {
		return fmt.Errorf("remove an unfinished cluster: %w", err)
	}
	c.opts.Progress("initialising the database cluster")
	fill := c.initialise
	if c.opts.Ephemeral {
		fill = c.copyTemplate
	}
	if err := fill(ctx, c.place.unfinished()); err != nil {
		return err
	}
	if err := os.Rename(c.place.unfinished(), c.place.cluster()); err != nil {
		return fmt.Errorf("name the cluster: %w", err)
	}
	return nil
}

// initialise runs initdb into dir, which it makes.
func (c cluster) initialise(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, initTimeout)
	defer cancel()
	if err := c.account.makeDir(dir); err != nil {
		return fmt.Errorf("make the cluster's folder: %w", err)
	}
	passwordFile, err := c.writePasswordFile()
	if err != nil {
		return fmt.Errorf("write initdb's password file: %w", err)
	}
	defer os.Remove(passwordFile) //nolint:errcheck // the password is no secret
	arguments := append([]string{"--pgdata=" + dir, "--pwfile=" + passwordFile}, initArguments...)
	if c.opts.Ephemeral {
		arguments = append(arguments, "--no-sync")
	}
	command := c.account.command(ctx, c.binaries.path("initdb"), arguments...)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return includeSettings(dir)
}

// writePasswordFile makes a file that the account may read.
func (c cluster) writePasswordFile() (string, error) {
	file, err := os.CreateTemp("", "handoff-initdb-")
	if err != nil {
		return "", err
	}
	defer file.Close() //nolint:errcheck // a lost write shows as a failing initdb
	if _, err := file.WriteString(Password + "\n"); err != nil {
		return "", err
	}
	return file.Name(), c.account.own(file.Name())
}

// copyTemplate copies a cluster that initdb made before with the same server. Copying takes 60 ms where initdb takes 470
// (measured), and the test processes of a suite start many clusters.
func (c cluster) copyTemplate(ctx context.Context, dir string) error {
	template := filepath.Join(c.opts.CacheDir, "templates", c.templateName())
	if !exists(template) {
		err := stage(template, func(stageDir string) error {
			return c.initialise(ctx, filepath.Join(stageDir, "cluster"))
		})
		if err != nil {
			return fmt.Errorf("make a cluster template in %s: %w", c.opts.CacheDir, err)
		}
	}
	return copyTree(filepath.Join(template, "cluster"), dir, c.account)
}

// templateName changes with everything that initdb's result depends on.
func (c cluster) templateName() string {
	var key bytes.Buffer
	fmt.Fprintln(&key, c.binaries.dir, c.binaries.version, initArguments, settingsFile, c.account.uid)
	sum := sha256.Sum256(key.Bytes())
	return fmt.Sprintf("%d-%s", c.binaries.major, hex.EncodeToString(sum[:8]))
}

func copyTree(from, to string, owner *account) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		if entry.IsDir() {
			return owner.makeDir(target)
		}
		if err := copyFile(path, target); err != nil {
			return err
		}
		return owner.own(target)
	})
}

func copyFile(from, to string) error {
	source, err := os.Open(from) //nolint:gosec // both trees are ours
	if err != nil {
		return err
	}
	defer source.Close()                                                     //nolint:errcheck // only read from
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // as above
	if err != nil {
		return err
	}
	if _, err := io.Copy(target, source); err != nil {
		_ = target.Close()
		return err
	}
	return target.Close()
}
