package assets

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

func goosArch() string    { return runtime.GOOS + "-" + runtime.GOARCH }
func itoa(pid int) string { return strconv.Itoa(pid) }

// fakeTool is a go command that "compiles" setup-envtest to a script that runs %TOOL% with $BIN, the directory to download to;
// it builds control planes as fakeBuild does.
const fakeTool = `#!/bin/sh
case "$*" in *setup-envtest*)
  while [ "$1" != -o ]; do shift; done
  cat > "$2" <<'SCRIPT'
#!/bin/sh
echo "$@" >> "$LOG_DIR/tool"
while [ "$1" != --bin-dir ]; do shift; done
BIN="$2"
%TOOL%
SCRIPT
  chmod 755 "$2"
  exit 0;;
esac
` + fakeBuild

// withIndex makes f find an index to download from.
func withIndex(t *testing.T, f *Finder, handler http.HandlerFunc) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	f.Index, f.Client = server.URL, server.Client()
}

func answers(http.ResponseWriter, *http.Request) {}

func TestFind_DownloadsWhereItCan(t *testing.T) {
	f, notes := newFinder(t, strings.Replace(fakeTool, "%TOOL%", `d="$BIN/k8s/1.37.0-`+goosArch()+`"
mkdir -p "$d"
for n in etcd kube-apiserver kubectl; do echo downloaded > "$d/$n"; chmod 755 "$d/$n"; done
printf %s "$d"`, 1))
	withIndex(t, f, answers)
	dir, err := f.Find(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(f.Cache, "envtest-1.37.0-"+goosArch()); dir != want {
		t.Errorf("dir = %q, want %q", dir, want)
	}
	if got := read(t, filepath.Join(notes, "tool")); !strings.HasPrefix(got, "use 1.37.x --index "+f.Index) {
		t.Errorf("setup-envtest was called with %q", got)
	}
	if calls := read(t, filepath.Join(notes, "calls")); calls != "" {
		t.Errorf("the control plane was built although it was downloaded: %s", calls)
	}
	mustBeTidy(t, f)
}

func TestFind_BuildsWhereADownloadFails(t *testing.T) {
	hangs := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for _, c := range []struct {
		name string
		// index serves the list of available downloads.
		index http.HandlerFunc
		// tool is what setup-envtest does.
		tool string
		// change shortens the limit that the case exceeds.
		change func(*Finder)
		// want is the reason in the log.
		want string
	}{
		{"the index is not there", http.NotFound, "", nil, "responds with 404 Not Found"},
		{"the index hangs", hangs, "", func(f *Finder) { f.Client.Timeout = 10 * time.Millisecond }, "cannot be reached"},
		{"the tool knows no such version", answers, "echo 'unable to find a version' >&2; exit 2", nil, "unable to find a version"},
		{"the tool hangs", answers, "exec sleep 1000", func(f *Finder) { f.DownloadLimit = 50 * time.Millisecond }, "not finished after 50ms"},
		{"the download lacks a binary", answers, `mkdir -p "$BIN/1.37.0-x"; printf %s "$BIN/1.37.0-x"`, nil, "has no [etcd kube-apiserver kubectl]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, _ := newFinder(t, strings.Replace(fakeTool, "%TOOL%", c.tool, 1))
			withIndex(t, f, c.index)
			if c.change != nil {
				c.change(f)
			}
			var log strings.Builder
			f.Log = &log
			dir, err := f.Find(context.Background())
			if err != nil || filepath.Base(dir) != "v1.37.1" {
				t.Fatalf("Find = %q, %v; want what was built", dir, err)
			}
			if !strings.Contains(log.String(), "cannot download a control plane here") || !strings.Contains(log.String(), c.want) {
				t.Errorf("the log does not say why (%q):\n%s", c.want, log.String())
			}
			mustBeTidy(t, f)
		})
	}
}
