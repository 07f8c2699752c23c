package assets

// setup-envtest downloads a control plane that the Kubernetes project built for tests; this is faster than a build.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// defaultIndex is the default of setup-envtest's own flag --index.
const defaultIndex = "https://raw.githubusercontent.com/kubernetes-sigs/controller-tools/HEAD/envtest-releases.yaml"

// download lets setup-envtest fetch the newest patch release of the pinned minor version. It fetches the index first, so that without
// network access it fails before the tool is compiled.
func (f *Finder) download(ctx context.Context, version, stage string) (string, error) {
	if err := f.reachable(ctx); err != nil {
		return "", err
	}
	f.say("downloading Kubernetes %s with setup-envtest (about 100 MB; timeout %s)", minor(version), f.DownloadLimit)
	tool := filepath.Join(stage, "setup-envtest")
	build := f.command(ctx, f.Root, f.Go, "build", "-modfile="+filepath.Join("hack", "tools", "go.mod"), "-o", tool,
		"sigs.k8s.io/controller-runtime/tools/setup-envtest")
	if err := f.runWithProgress(build, func(time.Duration) string { return "compiling setup-envtest" }); err != nil {
		return "", fmt.Errorf("it does not compile: %w", err)
	}

	ctx, cancel := context.WithTimeout(ctx, f.DownloadLimit)
	defer cancel()
	var path strings.Builder
	use := f.command(ctx, f.Root, tool, "use", minor(version)+".x", "--index", f.Index,
		"--bin-dir", filepath.Join(stage, "downloads"), "--print", "path")
	use.Stdout = &path
	err := f.runWithProgress(use, func(d time.Duration) string { return fmt.Sprintf("downloading: %s so far", rough(d)) })
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return "", fmt.Errorf("not finished after %s", f.DownloadLimit)
	}
	if err != nil {
		return "", err
	}
	// The tool keeps a release in a directory such as 1.37.0-linux-amd64.
	release, _, _ := strings.Cut(filepath.Base(path.String()), "-")
	dir, err := publish(path.String(), f.downloadedDir(release))
	if err == nil {
		f.say("Kubernetes %s is in %s", release, dir)
	}
	return dir, err
}

// downloadedDir is where a downloaded release is kept.
func (f *Finder) downloadedDir(release string) string {
	return filepath.Join(f.Cache, fmt.Sprintf("envtest-%s-%s-%s", release, runtime.GOOS, runtime.GOARCH))
}

func (f *Finder) reachable(ctx context.Context) error {
	host := f.Index
	if u, err := url.Parse(f.Index); err == nil {
		host = u.Host
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.Index, nil)
	if err != nil {
		return err
	}
	answer, err := f.Client.Do(request)
	if err != nil {
		return fmt.Errorf("%s cannot be reached", host)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s responds with %s", host, answer.Status)
	}
	if _, err := io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20)); err != nil {
		return fmt.Errorf("%s does not complete its response", host)
	}
	return nil
}
