package assets

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// fakeBuild is a go command that succeeds: it records its arguments and writes a file for each package into the directory after -o.
const fakeBuild = `#!/bin/sh
echo "$@" >> "$LOG_DIR/calls"
while [ "$1" != -o ]; do shift; done
for name in server kube-apiserver kubectl; do
  echo "new $name" > "$2/$name" && chmod 755 "$2/$name"
done
`

// newFinder returns a Finder with an empty cache, the given script as its go command and no download index; and the directory in which
// the script records its calls.
func newFinder(t *testing.T, script string) (*Finder, string) {
	t.Helper()
	root, notes := t.TempDir(), t.TempDir()
	t.Setenv("LOG_DIR", notes)
	module := filepath.Join(root, "hack", "controlplane")
	if err := os.MkdirAll(module, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(module, "go.mod"), "module x\n\nrequire (\n\tk8s.io/kubernetes v1.37.1 // indirect\n)\n", 0o644)
	goCommand := filepath.Join(notes, "go")
	write(t, goCommand, script, 0o755)
	nothing := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(nothing.Close)
	return &Finder{
		Root: root, Cache: filepath.Join(t.TempDir(), "cache"), Log: io.Discard, Go: goCommand,
		Index: nothing.URL, Client: nothing.Client(), DownloadLimit: time.Minute, ProgressEvery: time.Hour,
	}, notes
}

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(raw)
}

// fill puts the named binaries into dir.
func fill(t *testing.T, dir string, names ...string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		write(t, filepath.Join(dir, name), "old "+name, 0o755)
	}
	return dir
}

// mustBeTidy fails when the cache holds anything but the lock and whole control planes.
func mustBeTidy(t *testing.T, f *Finder) {
	t.Helper()
	entries, err := os.ReadDir(f.Cache)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.Name() == "lock" {
			continue
		}
		if missing := missingIn(filepath.Join(f.Cache, entry.Name())); len(missing) > 0 {
			t.Errorf("%s was left behind in the cache, without %v", entry.Name(), missing)
		}
	}
}

func TestFind_UsesTheVariablesDirectoryOnly(t *testing.T) {
	f, notes := newFinder(t, fakeBuild)
	f.Given = fill(t, t.TempDir(), Binaries...)
	dir, err := f.Find(context.Background())
	if err != nil || dir != f.Given {
		t.Fatalf("Find = %q, %v; want the directory of the variable %q", dir, err, f.Given)
	}
	if calls := read(t, filepath.Join(notes, "calls")); calls != "" {
		t.Errorf("go was called although the variable is set: %s", calls)
	}
}

func TestFind_NamesWhatIsMissingInTheVariablesDirectory(t *testing.T) {
	f, _ := newFinder(t, fakeBuild)
	f.Given = fill(t, t.TempDir(), "etcd")
	write(t, filepath.Join(f.Given, "kubectl"), "not executable", 0o644)
	_, err := f.Find(context.Background())
	if err == nil || !strings.Contains(err.Error(), "has no kube-apiserver and no kubectl: set it to a directory with etcd, kube-apiserver, kubectl, or unset it") {
		t.Fatalf("error = %v; want both names and what to do", err)
	}
}

func TestFind_UsesWhatWasProvidedBefore(t *testing.T) {
	for _, name := range []string{"v1.37.1", "envtest-1.37.0-" + goosArch()} {
		t.Run(name, func(t *testing.T) {
			f, notes := newFinder(t, fakeBuild)
			want := fill(t, filepath.Join(f.Cache, name), Binaries...)
			dir, err := f.Find(context.Background())
			if err != nil || dir != want {
				t.Fatalf("Find = %q, %v; want %q", dir, err, want)
			}
			if calls := read(t, filepath.Join(notes, "calls")); calls != "" {
				t.Errorf("go was called although everything is there: %s", calls)
			}
		})
	}
}

func TestFind_BuildsAndStampsTheVersion(t *testing.T) {
	f, notes := newFinder(t, fakeBuild)
	var log strings.Builder
	f.Log = &log
	dir, err := f.Find(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(f.Cache, "v1.37.1"); dir != want {
		t.Errorf("dir = %q, want %q", dir, want)
	}
	if got := read(t, filepath.Join(dir, "etcd")); got != "new server\n" {
		t.Errorf("etcd is %q; want what go build called server", got)
	}
	calls := read(t, filepath.Join(notes, "calls"))
	for _, flag := range []string{
		"k8s.io/component-base/version.gitVersion=v1.37.1", "k8s.io/client-go/pkg/version.gitVersion=v1.37.1",
		"version.gitMajor=1 ", "version.gitMinor=37 ", "-trimpath",
	} {
		if !strings.Contains(calls, flag) {
			t.Errorf("go build was called without %s: %s", flag, calls)
		}
	}
	for _, sentence := range []string{"setup-envtest cannot download a control plane here", "about 8 minutes on 2 cores the first time"} {
		if !strings.Contains(log.String(), sentence) {
			t.Errorf("the log does not say %q:\n%s", sentence, log.String())
		}
	}
	mustBeTidy(t, f)
}

func TestFind_CompletesAHalfFilledCache(t *testing.T) {
	f, _ := newFinder(t, fakeBuild)
	dir := fill(t, filepath.Join(f.Cache, "v1.37.1"), "etcd", "kubectl")
	if _, err := f.Find(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := read(t, filepath.Join(dir, "kubectl")); got != "new kubectl\n" {
		t.Errorf("kubectl is %q; want all three from one build", got)
	}
}

func TestFind_FailsWithAHintAndLeavesNothing(t *testing.T) {
	for _, c := range []struct {
		name string
		// says is what the go command prints before it fails with a half-written binary.
		says string
		// want is part of the error.
		want string
	}{
		{"full disk", "link: write: no space left on device", "the disk is full; it needs about 4 GB"},
		{"no network", "go: k8s.io/kubernetes@v1.37.1: Get: dial tcp: lookup mod.example.test: no such host",
			"a Go module cannot be downloaded; check the network and GOPROXY, or set KUBEBUILDER_ASSETS"},
		{"anything else", "some.go:1: broken", "cannot be built: exit status 1: some.go:1: broken"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, _ := newFinder(t, "#!/bin/sh\nwhile [ \"$1\" != -o ]; do shift; done\necho half > \"$2/server\"\necho '"+c.says+"' >&2\nexit 1\n")
			_, err := f.Find(context.Background())
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error = %v\nwant %q and what go said", err, c.want)
			}
			mustBeTidy(t, f)
		})
	}
}

func TestFind_FailsWhenGoCannotBeRun(t *testing.T) {
	f, _ := newFinder(t, fakeBuild)
	f.Go = filepath.Join(f.Root, "no-such-go")
	if _, err := f.Find(context.Background()); err == nil || !strings.Contains(err.Error(), "no-such-go does not start") {
		t.Fatalf("error = %v; want it to name the command", err)
	}
	mustBeTidy(t, f)
}

func TestFind_StoppedKillsTheCompilersAndLeavesNothing(t *testing.T) {
	// The go command starts a compiler, which records its process id and waits.
	f, notes := newFinder(t, "#!/bin/sh\n(sleep 1000 & echo $! > \"$LOG_DIR/pid.tmp\"; mv \"$LOG_DIR/pid.tmp\" \"$LOG_DIR/pid\"; wait)\n")
	ctx, cancel := context.WithCancel(context.Background())
	failed := make(chan error, 1)
	go func() {
		_, err := f.Find(ctx)
		failed <- err
	}()
	var pid int
	waitFor(t, func() bool {
		for _, digit := range strings.TrimSpace(read(t, filepath.Join(notes, "pid"))) {
			pid = pid*10 + int(digit-'0')
		}
		return pid != 0
	})
	cancel()
	if err := <-failed; err == nil || err.Error() != stopped().Error() {
		t.Errorf("error = %v, want %q", err, stopped())
	}
	waitFor(t, func() bool { return processGone(pid) })
	mustBeTidy(t, f)
}

func TestFind_TwoAtOnceBuildOnce(t *testing.T) {
	f, notes := newFinder(t, fakeBuild)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if _, err := f.Find(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if calls := strings.Count(read(t, filepath.Join(notes, "calls")), "\n"); calls != 1 {
		t.Errorf("go build was called %d times, want once", calls)
	}
}

func TestFind_RemovesWhatAKilledBuildLeft(t *testing.T) {
	f, _ := newFinder(t, fakeBuild)
	fill(t, filepath.Join(f.Cache, stagePrefix+"123", "built"), "server")
	if _, err := f.Find(context.Background()); err != nil {
		t.Fatal(err)
	}
	mustBeTidy(t, f)
}

func TestFind_ReportsProgress(t *testing.T) {
	// The build ends when the test has seen a line of progress.
	f, notes := newFinder(t, strings.Replace(fakeBuild, "#!/bin/sh", "#!/bin/sh\nwhile [ ! -e \"$LOG_DIR/seen\" ]; do sleep 0.05; done", 1))
	f.ProgressEvery = 10 * time.Millisecond
	progress := regexp.MustCompile(`building: \d+ (s|min) .*so far, about 8 minutes on 2 cores the first time`)
	f.Log = writerFunc(func(line string) {
		if progress.MatchString(line) {
			_ = os.WriteFile(filepath.Join(notes, "seen"), nil, 0o644)
		}
	})
	if _, err := f.Find(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestRough_RoundsDurations(t *testing.T) {
	for d, want := range map[time.Duration]string{19600 * time.Millisecond: "20 s", 140 * time.Second: "2 min 20 s"} {
		if got := rough(d); got != want {
			t.Errorf("rough(%s) = %q, want %q", d, got, want)
		}
	}
}

type writerFunc func(string)

func (w writerFunc) Write(p []byte) (int, error) { w(string(p)); return len(p), nil }

func processGone(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	// A killed process without a parent may remain as a zombie until it is reaped.
	stat, err := os.ReadFile(filepath.Join("/proc", itoa(pid), "stat"))
	return err == nil && strings.Contains(string(stat), ") Z ")
}

// waitFor polls; the limit only ends a test that hangs.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for range 3000 {
		if ok() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("timed out")
}
