package config

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// Use says what a command needs, so that Load checks just that.
type Use int

// The uses of a configuration.
const (
	// UseDev runs the stand-in: everything has a default.
	UseDev Use = iota
	// UseDatabase works on the database alone: migrate.
	UseDatabase
	// UseWorker runs the worker against a Supabase project.
	UseWorker
)

// Source is where Load looks.
type Source struct {
	// File is the path of the configuration file. Empty: handoff.yaml in the working folder, if it is there.
	File string
	// Flags are the flags that the user set, made by AddFlags. May be nil.
	Flags *pflag.FlagSet
}

const defaultFile = "handoff.yaml"

// Load reads the settings and checks those that the use needs. Its error is an *InvalidError that names every setting
// that is wrong or missing, or tells that the file cannot be read.
func Load(source Source, use Use) (Config, error) {
	reader := viper.New()
	for _, one := range settings {
		reader.SetDefault(one.key, one.fallback)
		if err := reader.BindEnv(append([]string{one.key}, one.env...)...); err != nil {
			return Config{}, fmt.Errorf("bind environment of %s: %w", one.key, err)
		}
	}
	if err := bindFlags(reader, source.Flags); err != nil {
		return Config{}, err
	}
	if err := readFile(reader, source.File); err != nil {
		return Config{}, err
	}
	loaded, problems := decode(reader)
	problems = append(problems, validate(loaded, use, problems)...)
	if len(problems) > 0 {
		return Config{}, &InvalidError{Problems: problems}
	}
	if loaded.Database.ReplicationURL == "" {
		loaded.Database.ReplicationURL = loaded.Database.URL
	}
	if loaded.Dev.Port == 0 && loaded.Dev.PagesPort == defaultPagesPort {
		loaded.Dev.PagesPort = 0
	}
	return loaded, nil
}

func readFile(reader *viper.Viper, path string) error {
	optional := path == ""
	if optional {
		path = defaultFile
	}
	reader.SetConfigFile(path)
	reader.SetConfigType("yaml")
	err := reader.ReadInConfig()
	switch {
	case err == nil:
		return nil
	case optional && errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return &InvalidError{Problems: []Problem{{Setting: "--config", Text: "there is no file " + path}}}
	default:
		return &InvalidError{Problems: []Problem{{Setting: path, Text: "is not valid YAML"}}}
	}
}

// decode reads one field at a time, so that each that cannot be read is a problem of its own.
func decode(reader *viper.Viper) (Config, []Problem) {
	var loaded Config
	var problems []Problem
	for _, one := range settings {
		value := reader.Get(one.key)
		if value == nil {
			continue
		}
		if err := assign(&loaded, one.key, value); err != nil {
			problems = append(problems, Problem{Setting: one.name(), Text: "has a value that cannot be read: want " + wanted(one)})
		}
	}
	return loaded, append(problems, unknownKeys(reader)...)
}

func assign(loaded *Config, key string, value any) error {
	section, field, _ := strings.Cut(key, ".")
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result:           loaded,
		WeaklyTypedInput: true,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			mapstructure.StringToTimeDurationHookFunc(), mapstructure.TextUnmarshallerHookFunc()),
	})
	if err != nil {
		return err
	}
	return decoder.Decode(map[string]any{section: map[string]any{field: value}})
}

func unknownKeys(reader *viper.Viper) []Problem {
	known := make(map[string]bool, len(settings))
	for _, one := range settings {
		known[one.key] = true
	}
	var problems []Problem
	for _, key := range reader.AllKeys() {
		if !known[key] {
			problems = append(problems, Problem{Setting: key, Text: "is not a setting; docs/env.md lists all"})
		}
	}
	return problems
}
