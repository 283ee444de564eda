package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"time"

	"github.com/supportbase/handoff/bench/rig"
)

const (
	redisPort    = "16379"
	redisCalls   = "100000"
	redisTimeout = 30 * time.Second
	// redisScript is what a presence service on Redis does for a beat: the row of the connection, its time to live, and the set of
	// the person's connections.
	redisScript = `redis.call('hset', KEYS[1], 'state', 'active', 'beat', ARGV[1]) redis.call('expire', KEYS[1], 90) redis.call('sadd', KEYS[2], KEYS[1]) return 1`
)

var perSecond = regexp.MustCompile(`([0-9.]+) requests per second`)

// redisBeats runs Redis' own benchmark with the script, without a log. There is no transaction, no token and no row level security in it:
// it is the ceiling of a presence service that keeps its state elsewhere.
func redisBeats(ctx context.Context, report *Report, _ []rig.Person) error {
	server, err := exec.LookPath("redis-server")
	if err != nil {
		report.leave(redisBeat, "redis-server is not installed (apt-get install redis-server)")
		return nil
	}
	folder, err := os.MkdirTemp("", "handoff-redis-")
	if err != nil {
		return fmt.Errorf("make a folder for redis: %w", err)
	}
	defer os.RemoveAll(folder) //nolint:errcheck // temporary
	ctx, cancel := context.WithTimeout(ctx, redisTimeout)
	defer cancel()
	redis := exec.CommandContext(ctx, server, "--port", redisPort, "--save", "", "--appendonly", "no", "--dir", folder) //nolint:gosec // what PATH has
	if err := redis.Start(); err != nil {
		report.leave(redisBeat, err.Error())
		return nil
	}
	defer redis.Wait()         //nolint:errcheck // ended below
	defer redis.Process.Kill() //nolint:errcheck // it has nothing to save
	err = rig.Poll(ctx, slotPoll, func() (bool, error) {
		return exec.CommandContext(ctx, "redis-cli", "-p", redisPort, "ping").Run() == nil, nil
	})
	if err != nil {
		return fmt.Errorf("wait for redis: %w", err)
	}
	output, err := exec.CommandContext(ctx, "redis-benchmark", "-p", redisPort, "-c", strconv.Itoa(beaters), "-n", redisCalls, "-r", "10000", "-q", //nolint:gosec // constants
		"eval", redisScript, "2", "socket:__rand_int__", "identity:__rand_int__", "17").CombinedOutput()
	if err != nil {
		return fmt.Errorf("redis-benchmark: %w: %s", err, output)
	}
	found := perSecond.FindAllStringSubmatch(string(output), -1)
	if len(found) == 0 {
		return fmt.Errorf("%w of redis-benchmark: %s", errNoStat, output)
	}
	rate, err := strconv.ParseFloat(found[len(found)-1][1], 64)
	if err != nil {
		return fmt.Errorf("read redis-benchmark: %w", err)
	}
	report.add(redisBeat, "rate", rate, "/s")
	return nil
}
