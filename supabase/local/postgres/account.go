package postgres

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// account is the user that server programs run as: ourselves, or an unprivileged user when we are root, because
// Postgres refuses root.
type account struct {
	name     string
	uid, gid int
	// switched is true when the account is not ours.
	switched bool
}

// chooseAccount returns the account for the cluster in dir. An existing cluster keeps its owner, so that one made by a
// user can be run by root later.
func chooseAccount(clusterDir string) (*account, error) {
	if os.Geteuid() != 0 {
		return &account{name: "the current user", uid: os.Geteuid(), gid: os.Getegid()}, nil
	}
	if info, err := os.Stat(clusterDir); err == nil {
		if uid, gid := ownerOf(info); uid > 0 {
			return &account{name: "uid " + strconv.Itoa(uid), uid: uid, gid: gid, switched: true}, nil
		}
	}
	for _, name := range []string{"postgres", "nobody"} {
		if found, err := user.Lookup(name); err == nil {
			return accountOf(found)
		}
	}
	return nil, fmt.Errorf("run postgres as root: %w: neither the user postgres nor nobody exists", errNoAccount)
}

func accountOf(found *user.User) (*account, error) {
	uid, err := strconv.Atoi(found.Uid)
	if err != nil {
		return nil, fmt.Errorf("read uid of %s: %w", found.Username, err)
	}
	gid, err := strconv.Atoi(found.Gid)
	if err != nil {
		return nil, fmt.Errorf("read gid of %s: %w", found.Username, err)
	}
	return &account{name: found.Username, uid: uid, gid: gid, switched: true}, nil
}

// command is exec.CommandContext as this account, outside the terminal's process group, in a folder that every user
// may enter (Postgres programs look up their working directory) and without settings that would leak into the server.
func (a *account) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, program, args...) //nolint:gosec // programs that the search found or the developer named
	command.Dir = "/"
	command.Env = cleanEnvironment(os.Environ())
	command.SysProcAttr = a.attributes()
	return command
}

// cleanEnvironment drops PG* (they would redirect the server), and the locale and zone of the developer, on which
// neither the messages that we search in the log nor the cluster may depend.
func cleanEnvironment(environment []string) []string {
	kept := slices.DeleteFunc(slices.Clone(environment), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return strings.HasPrefix(name, "PG") || strings.HasPrefix(name, "LC_") || name == "LANG" || name == "TZ"
	})
	return append(kept, "LC_ALL=C")
}

// own gives path to the account.
func (a *account) own(path string) error {
	if !a.switched {
		return nil
	}
	return os.Lchown(path, a.uid, a.gid)
}

// makeDir makes a folder that belongs to the account alone, as Postgres demands.
func (a *account) makeDir(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil {
		return err
	}
	return a.own(path)
}

// mayReach checks that the account can enter dir and each folder above it. The server's own message for this case
// does not name the folder that stands in the way.
func (a *account) mayReach(dir string) error {
	if !a.switched {
		return nil
	}
	for ; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return err
		}
		if !a.mayEnter(info) {
			return fmt.Errorf("user %s, which runs postgres for root, may not enter %s: use another folder", a.name, dir)
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

func (a *account) mayEnter(info fs.FileInfo) bool {
	uid, gid := ownerOf(info)
	switch {
	case uid == a.uid:
		return info.Mode().Perm()&0o100 != 0
	case gid == a.gid:
		return info.Mode().Perm()&0o010 != 0
	default:
		return info.Mode().Perm()&0o001 != 0
	}
}
