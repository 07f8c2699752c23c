package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestMain is the toolbox itself where a test has linked to its binary.
func TestMain(m *testing.M) {
	if _, linked := programs[filepath.Base(os.Args[0])]; linked {
		main()
	}
	os.Exit(m.Run())
}

// image is a folder with links as in the image, and one for what is gathered.
type image struct{ bin, gathered string }

func newImage(t *testing.T) image {
	t.Helper()
	i := image{t.TempDir(), t.TempDir()}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name := range programs {
		if err := os.Symlink(self, filepath.Join(i.bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	return i
}

// command runs one of the programs, with nothing else in the PATH.
func (i image) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(i.bin, name), args...)
	cmd.Env = []string{"PATH=" + i.bin, "GATHERED=" + i.gathered}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

// script runs a shell script as a pod does.
func (i image) script(t *testing.T, text string) (string, error) {
	t.Helper()
	out, err := i.command("bash", "-c", text).CombinedOutput()
	return string(out), err
}

func TestPrograms_AreThoseThatTheImageLinksTo(t *testing.T) {
	raw, err := os.ReadFile("programs.txt")
	if err != nil {
		t.Fatal(err)
	}
	if listed, have := strings.Fields(string(raw)), slices.Sorted(maps.Keys(programs)); !slices.Equal(listed, have) {
		t.Errorf("programs.txt lists %v, the toolbox is %v", listed, have)
	}
}

// The scripts have the constructs of those that oc runs in the pod: a watch over the volume in the background, a gather in this or another
// session, and a copy that waits to be ended.

const watchVolume = `
dir="$GATHERED"
while true; do
used=$(df -P "$dir" | awk 'NR==2 {print $5}' | sed 's/%//')
echo "used: ${used}"
echo > "$dir/watched"
if [ "$used" -gt "$limit" ]; then
	if [ "$sessions" = "true" ]; then exit 3; else kill 0; fi
	exit 1
fi
sleep 5
done & `

func TestShell_GathersWhileItWatchesTheVolume(t *testing.T) {
	i := newImage(t)
	out, err := i.script(t, `if command -v setsid >/dev/null 2>&1 && command -v pkill >/dev/null 2>&1; then sessions=true; else sessions=false; fi
limit=100 `+watchVolume+`if [ "$sessions" = "true" ]; then
  exit 4
else
  echo gathered > "$GATHERED/file"
  while [ ! -f "$GATHERED/watched" ]; do sleep 0.1; done
fi; sync && echo 'written'`)
	if err != nil || !strings.HasSuffix(out, "written\n") || !strings.Contains(out, "used: ") || strings.Contains(out, "used: \n") {
		t.Errorf("%v\n%s", err, out)
	}
	if raw, err := os.ReadFile(filepath.Join(i.gathered, "file")); err != nil || string(raw) != "gathered\n" {
		t.Errorf("%q %v", raw, err)
	}
}

func TestShell_EndsAGatherThatFillsTheVolume(t *testing.T) {
	out, err := newImage(t).script(t, "sessions=false limit=-1 "+watchVolume+"sleep infinity; echo 'written'")
	if err == nil || strings.Contains(out, "written") {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestShell_GathersInAnotherSession(t *testing.T) {
	out, err := newImage(t).script(t, "setsid -w bash <<-END\necho gathered\nexit 7\nEND\necho \"then $?\"; sync")
	if err != nil || out != "gathered\nthen 7\n" {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestShell_WaitsToBeEnded(t *testing.T) {
	cmd := newImage(t).command("bash", "-c", "trap : TERM INT; echo ready; sleep infinity & wait")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	exit, ended := errors.AsType[*exec.ExitError](cmd.Wait())
	if !ended || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %v", exit)
	}
}

func TestTar_HasAllFiles(t *testing.T) {
	i := newImage(t)
	want := map[string]string{"version": "one\n", "namespaces/a/pods/b.yaml": "two\n"}
	for name, content := range want {
		if err := os.MkdirAll(filepath.Join(i.gathered, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(i.gathered, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := i.command("tar", "-C", i.gathered+"/", "-c", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for r := tar.NewReader(bytes.NewReader(out)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag == tar.TypeReg {
			raw, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			got[header.Name] = string(raw)
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func TestPrograms_RefuseWhatTheyDoNotKnow(t *testing.T) {
	i := newImage(t)
	for name, args := range map[string][]string{
		"awk": {"{print}"}, "bash": {"file"}, "df": {"-h"}, "sed": {"s/a*/b/"}, "setsid": {"ls"}, "sleep": {"1", "2"}, "tar": {"-x"},
	} {
		out, err := i.command(name, args...).CombinedOutput()
		if err == nil || !strings.HasPrefix(string(out), name+": ") || !strings.Contains(string(out), "more than the program in this image knows") {
			t.Errorf("%s %v: %v %s", name, args, err, out)
		}
	}
}

func TestDF_RoundsUp(t *testing.T) {
	for _, c := range []struct{ used, free, want uint64 }{{0, 0, 0}, {0, 10, 0}, {1, 999, 1}, {50, 50, 50}, {10, 0, 100}} {
		if got := percentage(c.used, c.free); got != c.want {
			t.Errorf("%d used, %d free: %d %%, want %d", c.used, c.free, got, c.want)
		}
	}
}
