// Package version knows which build this is, for the version command and for the user agent of every client.
package version

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is stamped by the linker: -ldflags "-X .../internal/version.version=v1.2.3".
var version string

// String is the version as stamped by the linker, else the module version or commit that the go command recorded,
// else "devel".
func String() string {
	if version != "" {
		return version
	}
	info, _ := debug.ReadBuildInfo()
	return fromBuildInfo(info)
}

// UserAgent is the user agent of all our clients.
func UserAgent() string { return "credential-rotation-operator/" + String() }

func fromBuildInfo(info *debug.BuildInfo) string {
	if info == nil {
		return "devel"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && s.Value != "" {
			return s.Value
		}
	}
	return "devel"
}

// NewCommand prints the version.
func NewCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "credential-rotation-operator %s %s %s/%s\n",
				String(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
