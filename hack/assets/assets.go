// Package assets finds a real etcd and kube-apiserver (and kubectl) for the tests and for the demo, so that nobody has
// to install a control plane: a machine with Go, make and git is enough.
package assets

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Variable is the environment variable that names the directory of binaries for envtest.
const Variable = "KUBEBUILDER_ASSETS"

// Binaries are the files of a complete directory. The demo shows the cluster with kubectl.
var Binaries = []string{"etcd", "kube-apiserver", "kubectl"}

// Finder finds the binaries. New fills it in; tests change its fields.
type Finder struct {
	// Root is the repository: the directory that holds hack/controlplane/go.mod.
	Root string
	// Cache is the directory in which binaries that were built or downloaded are kept.
	Cache string
	// Given is the value of KUBEBUILDER_ASSETS.
	Given string
	// Log gets progress messages.
	Log io.Writer
	// Go is the go command.
	Go string
	// Index is where setup-envtest reads which control planes can be downloaded.
	Index string
	// Client fetches Index to check quickly whether a download is possible.
	Client *http.Client
	// DownloadLimit ends a download that hangs.
	DownloadLimit time.Duration
	// ProgressEvery is the interval of progress lines.
	ProgressEvery time.Duration
}

// New returns the Finder of the repository that contains the working directory.
func New(log io.Writer) (*Finder, error) {
	root, err := repositoryRoot()
	if err != nil {
		return nil, err
	}
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	return &Finder{
		Root:  root,
		Cache: cache,
		Given: os.Getenv(Variable),
		Log:   log,
		Go:    "go",
		Index: defaultIndex,
		// The index is one small file: if it takes longer than this, the download would not be faster than a build.
		Client: &http.Client{Timeout: 10 * time.Second},
		// The time of a build on 2 cores; after that, building is faster.
		DownloadLimit: 5 * time.Minute,
		ProgressEvery: 20 * time.Second,
	}, nil
}

// Find returns a directory with all Binaries: that of KUBEBUILDER_ASSETS, or one that was built or downloaded before, or what setup-envtest can
// download; otherwise it builds them from their Go modules. An error says what to do. No unfinished file is left behind, also when
// ctx ends.
func (f *Finder) Find(ctx context.Context) (string, error) {
	if f.Given != "" {
		if missing := missingIn(f.Given); len(missing) > 0 {
			return "", fmt.Errorf("%s is %s, which has no %s: set it to a directory with %s, or unset it to download or build them",
				Variable, f.Given, strings.Join(missing, " and no "), strings.Join(Binaries, ", "))
		}
		return f.Given, nil
	}

	version, err := f.kubernetesVersion()
	if err != nil {
		return "", err
	}
	if dir, ok := f.fromCache(version); ok {
		return dir, nil
	}

	unlock, err := f.lock(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()
	// The previous holder of the lock may have provided them.
	if dir, ok := f.fromCache(version); ok {
		return dir, nil
	}
	stage, err := f.stage()
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(stage)

	dir, err := f.download(ctx, version, stage)
	if err == nil {
		return dir, nil
	}
	if ctx.Err() != nil {
		return "", stopped()
	}
	f.say("setup-envtest cannot download a control plane here (%v); building it from its Go modules instead", err)
	return f.build(ctx, version, stage)
}

// fromCache returns a directory that was built or downloaded before. A built one comes first: it has exactly the pinned version, while
// setup-envtest offers few patch releases.
func (f *Finder) fromCache(version string) (string, bool) {
	downloaded, _ := filepath.Glob(f.downloadedDir(minor(version) + ".*"))
	for _, dir := range append([]string{filepath.Join(f.Cache, version)}, downloaded...) {
		if len(missingIn(dir)) == 0 {
			return dir, true
		}
	}
	return "", false
}

var kubernetesRequirement = regexp.MustCompile(`(?m)^\s*k8s\.io/kubernetes (v1\.\d+\.\d+)\b`)

// kubernetesVersion is the version that hack/controlplane pins, such as v1.37.1. It is read without the slow go command, because this
// runs before every test.
func (f *Finder) kubernetesVersion() (string, error) {
	raw, err := os.ReadFile(filepath.Join(f.moduleDir(), "go.mod"))
	if err != nil {
		return "", fmt.Errorf("the control plane's module cannot be read: %w", err)
	}
	match := kubernetesRequirement.FindSubmatch(raw)
	if match == nil {
		return "", fmt.Errorf("%s/go.mod does not require k8s.io/kubernetes v1.x.y", f.moduleDir())
	}
	return string(match[1]), nil
}

func (f *Finder) moduleDir() string { return filepath.Join(f.Root, "hack", "controlplane") }

func (f *Finder) say(format string, args ...any) {
	fmt.Fprintf(f.Log, "control plane: "+format+"\n", args...)
}

// minor turns v1.37.1 into 1.37.
func minor(version string) string {
	v := strings.TrimPrefix(version, "v")
	return v[:strings.LastIndex(v, ".")]
}

// missingIn names the binaries that dir does not have as executable files.
func missingIn(dir string) []string {
	var missing []string
	for _, name := range Binaries {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
			missing = append(missing, name)
		}
	}
	return missing
}

func repositoryRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "hack", "controlplane", "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no hack/controlplane/go.mod here or above: run this inside the repository")
		}
	}
}

func cacheDir() (string, error) {
	base := os.Getenv("XDG_CACHE_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("no cache directory for the control plane: set XDG_CACHE_HOME or HOME (%w)", err)
		}
		base = filepath.Join(home, ".cache")
	}
	return filepath.Join(base, "credential-rotation-operator", "controlplane"), nil
}
