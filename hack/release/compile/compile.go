// Package compile builds the operator's binary reproducibly: the same source gives the same bytes on every machine.
package compile

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// FIPS is the Go Cryptographic Module that is linked in: the version that was validated (CMVP certificate 5247).
const FIPS = "v1.0.0"

// Platforms are those that OpenShift runs on.
var Platforms = []v1.Platform{
	{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64"},
	{OS: "linux", Architecture: "ppc64le"}, {OS: "linux", Architecture: "s390x"},
}

// ParsePlatforms reads linux/amd64,linux/arm64.
func ParsePlatforms(list string) ([]v1.Platform, error) {
	var all []v1.Platform
	for one := range strings.SplitSeq(list, ",") {
		p, err := v1.ParsePlatform(one)
		if err != nil || p.Architecture == "" {
			return nil, fmt.Errorf("%q is not a platform such as linux/amd64", one)
		}
		all = append(all, *p)
	}
	return all, nil
}

// Build describes the build: the main package in a directory.
type Build struct {
	Source string
	// VersionVariable is set to v and the version.
	VersionVariable, Version string
}

// Binary builds for a platform.
func (b Build) Binary(ctx context.Context, p v1.Platform, out string) error {
	flags := "-s -w"
	if b.VersionVariable != "" {
		flags += " -X " + b.VersionVariable + "=v" + b.Version
	}
	out, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", out, ".")
	cmd.Dir = b.Source
	cmd.Env = append(os.Environ(), settings(p)...)
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build for %s: %w\n%s", p, err, said)
	}
	return verify(out, p)
}

// settings override everything that would otherwise come from the environment.
func settings(p v1.Platform) []string {
	return []string{
		"GOOS=" + p.OS, "GOARCH=" + p.Architecture, "CGO_ENABLED=0", "GOFIPS140=" + FIPS, "GOTOOLCHAIN=local", "GOFLAGS=", "GOEXPERIMENT=", "GOWORK=off",
		"GOAMD64=v1", "GOARM64=v8.0", "GOPPC64=power8",
	}
}

// verify checks the build information in the binary.
func verify(binary string, p v1.Platform) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	has := map[string]string{}
	for _, s := range info.Settings {
		has[s.Key] = s.Value
	}
	for key, want := range map[string]string{"GOOS": p.OS, "GOARCH": p.Architecture, "CGO_ENABLED": "0"} {
		if has[key] != want {
			return fmt.Errorf("%s was built with %s=%s, want %s", binary, key, has[key], want)
		}
	}
	if !strings.HasPrefix(has["GOFIPS140"], FIPS) {
		return fmt.Errorf("%s was built with the Go Cryptographic Module %q, want %s", binary, has["GOFIPS140"], FIPS)
	}
	return nil
}
