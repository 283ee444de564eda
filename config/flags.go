package config

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// AddFlags declares the flags of the settings of the sections, for example "worker".
func AddFlags(flags *pflag.FlagSet, sections ...string) {
	for _, one := range settings {
		if one.flag == "" || !one.in(sections) {
			continue
		}
		fallback := ""
		if one.fallback != nil {
			fallback = fmt.Sprint(one.fallback)
		}
		flags.String(one.flag, fallback, fmt.Sprintf("%s (%s)", one.usage, strings.Join(one.env, ", ")))
	}
}

func bindFlags(reader *viper.Viper, flags *pflag.FlagSet) error {
	if flags == nil {
		return nil
	}
	for _, one := range settings {
		flag := flags.Lookup(one.flag)
		if one.flag == "" || flag == nil {
			continue
		}
		if err := reader.BindPFlag(one.key, flag); err != nil {
			return fmt.Errorf("bind flag --%s: %w", flag.Name, err)
		}
	}
	return nil
}

// name is what messages call the setting: its first environment variable, which users meet most often.
func (s setting) name() string { return s.env[0] }

func (s setting) in(sections []string) bool {
	for _, section := range sections {
		if strings.HasPrefix(s.key, section+".") {
			return true
		}
	}
	return false
}
