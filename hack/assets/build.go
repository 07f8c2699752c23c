package assets

// Building the binaries from their own modules, which needs only the Go module proxy.

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// builtFrom lists the packages and the names that go build gives their binaries, which differ for etcd: its main package
// lies in a module named server/v3.
var builtFrom = []struct{ pkg, built, name string }{
	{"go.etcd.io/etcd/server/v3", "server", "etcd"},
	{"k8s.io/kubernetes/cmd/kube-apiserver", "kube-apiserver", "kube-apiserver"},
	{"k8s.io/kubernetes/cmd/kubectl", "kubectl", "kubectl"},
}

func (f *Finder) build(ctx context.Context, version, stage string) (string, error) {
	f.say("building etcd, kube-apiserver and kubectl %s from their Go modules: about 8 minutes on 2 cores the first time, "+
		"less than a minute when Go's build cache has them; it downloads up to 300 MB and needs about 4 GB of disk", version)
	began := time.Now()
	out := filepath.Join(stage, "built")
	if err := os.Mkdir(out, 0o755); err != nil {
		return "", fmt.Errorf("no directory for a new control plane: %w", err)
	}
	args := []string{"build", "-trimpath", "-ldflags=" + ldflags(version), "-o", out + string(filepath.Separator)}
	for _, b := range builtFrom {
		args = append(args, b.pkg)
	}
	cmd := f.command(ctx, f.moduleDir(), f.Go, args...)
	// The caller's workspace or flags must not change the build.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=-buildvcs=false", "GOOS=", "GOARCH=")
	err := f.runWithProgress(cmd, func(d time.Duration) string {
		return fmt.Sprintf("building: %s so far, about 8 minutes on 2 cores the first time", rough(d))
	})
	if ctx.Err() != nil {
		return "", stopped()
	}
	if err != nil {
		return "", explain(err)
	}
	for _, b := range builtFrom {
		if b.built == b.name {
			continue
		}
		if err := os.Rename(filepath.Join(out, b.built), filepath.Join(out, b.name)); err != nil {
			return "", fmt.Errorf("go build did not make %s: %w", b.name, err)
		}
	}
	dir, err := publish(out, filepath.Join(f.Cache, version))
	if err == nil {
		f.say("built in %s; it is in %s", rough(time.Since(began)), dir)
	}
	return dir, err
}

// ldflags sets the version as Kubernetes' own build does (hack/lib/version.sh there): without it, /version would be v0.0.0-master.
// A module does not contain its commit, so the version stands for it.
func ldflags(version string) string {
	major, rest, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	minorOnly, _, _ := strings.Cut(rest, ".")
	flags := []string{"-s", "-w", "-X", "go.etcd.io/etcd/api/v3/version.GitSHA=built-from-its-module"}
	for _, pkg := range []string{"k8s.io/component-base/version", "k8s.io/client-go/pkg/version"} {
		for _, setting := range []string{
			"gitVersion=" + version, "gitMajor=" + major, "gitMinor=" + minorOnly,
			"gitCommit=module-" + version, "gitTreeState=clean",
		} {
			flags = append(flags, "-X", pkg+"."+setting)
		}
	}
	return strings.Join(flags, " ")
}

// explain adds a hint to the two failures of go build that a user can fix at once.
func explain(err error) error {
	text := err.Error()
	switch {
	case strings.Contains(text, "no space left on device"):
		return fmt.Errorf("the control plane cannot be built: the disk is full; it needs about 4 GB for Go's module and build caches "+
			"(go env GOMODCACHE GOCACHE) and 300 MB for the binaries: %w", err)
	case containsAny(text, "dial tcp", "no such host", "i/o timeout", "connection refused", "proxyconnect", "TLS handshake timeout"):
		return fmt.Errorf("the control plane cannot be built: a Go module cannot be downloaded; check the network and GOPROXY, "+
			"or set %s to a directory with %s: %w", Variable, strings.Join(Binaries, ", "), err)
	default:
		return fmt.Errorf("the control plane cannot be built: %w", err)
	}
}

func containsAny(text string, parts ...string) bool {
	for _, part := range parts {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}
