package manifests

import (
	"bytes"
	"debug/buildinfo"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// instruction is one of a Dockerfile, with its lines joined.
type instruction struct{ name, rest string }

func dockerfile(t *testing.T, name string) []instruction {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(repository, name))
	if err != nil {
		t.Fatal(err)
	}
	var all []instruction
	for _, line := range strings.Split(strings.ReplaceAll(string(raw), "\\\n", ""), "\n") {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			word, rest, _ := strings.Cut(line, " ")
			all = append(all, instruction{word, strings.TrimSpace(rest)})
		}
	}
	return all
}

// one is the argument of the last instruction of a name, which applies to the image.
func one(t *testing.T, all []instruction, name string) string {
	t.Helper()
	for _, i := range slices.Backward(all) {
		if i.name == name {
			return i.rest
		}
	}
	t.Fatalf("the Dockerfile has no %s", name)
	return ""
}

// fromContext are the paths that a Dockerfile copies from the build context.
func fromContext(all []instruction) []string {
	var paths []string
	for _, i := range all {
		if words := strings.Fields(i.rest); i.name == "COPY" && !strings.HasPrefix(i.rest, "--from=") {
			paths = append(paths, words[:len(words)-1]...)
		}
	}
	return paths
}

func TestImages_CopyOnlyWhatTheBuildContextHas(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(repository, ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	var let []string
	for _, line := range strings.Fields(string(raw)) {
		if name, found := strings.CutPrefix(line, "!"); found {
			let = append(let, name)
		}
	}
	for _, name := range []string{"Dockerfile", "bundle.Dockerfile", "hack/release/must-gather.Dockerfile"} {
		for _, source := range fromContext(dockerfile(t, name)) {
			if _, err := os.Stat(filepath.Join(repository, source)); err != nil {
				t.Errorf("%s copies %s: %v", name, source, err)
			}
			top, _, _ := strings.Cut(source, "/")
			if !slices.Contains(let, top) && !slices.Contains(let, source) {
				t.Errorf("%s copies %s, which .dockerignore excludes", name, source)
			}
		}
	}
}

// TestImage_IsBuiltByItsBuildLine runs the go build of the Dockerfile on exactly the files that it copies.
func TestImage_IsBuiltByItsBuildLine(t *testing.T) {
	all := dockerfile(t, "Dockerfile")
	src := t.TempDir()
	for _, source := range fromContext(all) {
		if source == "LICENSE" { // It is copied into the image, not into the builder.
			continue
		}
		copyTo(t, filepath.Join(repository, source), filepath.Join(src, source))
	}
	line := one(t, all, "RUN")
	built := regexp.MustCompile(`-o (\S+) \.$`).FindStringSubmatch(line)
	if !strings.Contains(line, "go build") || built == nil {
		t.Fatalf("the last RUN is not a go build: %s", line)
	}
	binary := filepath.Join(t.TempDir(), "operator")
	cmd := exec.Command("sh", "-c", strings.Replace(line, "-o "+built[1]+" ", "-o "+binary+" ", 1))
	cmd.Dir = src
	// The builder's settings, and this machine's for Go and its modules.
	cmd.Env = append(strings.Fields(one(t, all, "ENV")), "VERSION=v7.8.9", "TARGETOS="+runtime.GOOS, "TARGETARCH="+runtime.GOARCH)
	for _, name := range []string{"PATH", "HOME", "GOPATH", "GOMODCACHE", "GOCACHE", "GOPROXY", "GOSUMDB", "TMPDIR"} {
		if value, set := os.LookupEnv(name); set {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	out, err := exec.Command(binary, "version").Output()
	if err != nil || !bytes.Contains(out, []byte(" v7.8.9 ")) {
		t.Errorf("the binary prints %q (%v), want its version", out, err)
	}
	// The bundle declares FIPS compliance: the validated module is linked in, and no cryptography in C.
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	var settings []string
	for _, s := range info.Settings {
		settings = append(settings, s.Key+"="+s.Value)
	}
	if said := strings.Join(settings, " ") + " "; !strings.Contains(said, "GOFIPS140=v1.0.0") || !strings.Contains(said, "CGO_ENABLED=0 ") || !strings.Contains(said, "DefaultGODEBUG=fips140=on") {
		t.Errorf("go version -m prints %s", said)
	}
	// The image has no zoneinfo, and spec.schedule names zones.
	if content, err := os.ReadFile(binary); err != nil || !bytes.Contains(content, []byte("Pacific/Chatham")) {
		t.Errorf("the binary has no database of time zones (%v)", err)
	}
	if want := `["` + built[1] + `"]`; one(t, all, "ENTRYPOINT") != want {
		t.Errorf("the image starts %s, but the build writes %s", one(t, all, "ENTRYPOINT"), want)
	}
	if copied := one(t, all[slices.IndexFunc(all, func(i instruction) bool { return strings.HasPrefix(i.rest, "--from=builder "+built[1]) }):], "COPY"); copied == "" {
		t.Error("the binary is not copied into the image")
	}
}

// copyTo copies a file or a directory.
func copyTo(t *testing.T, from, to string) {
	t.Helper()
	info, err := os.Stat(from)
	if err == nil && info.IsDir() {
		err = os.CopyFS(to, os.DirFS(from))
	} else if err == nil {
		var raw []byte
		if raw, err = os.ReadFile(from); err == nil {
			err = os.WriteFile(to, raw, fs.FileMode(0o600))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestImage_DoesNotRunAsRootAndHasTheLicence(t *testing.T) {
	all := dockerfile(t, "Dockerfile")
	// Under runAsNonRoot Kubernetes refuses a user name, because it could be root.
	if user := one(t, all, "USER"); !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(user) {
		t.Errorf("the image runs as %q, want a numeric user other than root", user)
	}
	if !slices.Contains(all, instruction{"COPY", "LICENSE /licenses/LICENSE"}) {
		t.Error("the image does not have the licence in /licenses")
	}
}

func TestImage_HasRootsWhereTheOperatorReadsThem(t *testing.T) {
	all := dockerfile(t, "Dockerfile")
	for _, i := range all {
		words := strings.Fields(i.rest)
		// crypto/x509 reads every file of this directory, whatever SSL_CERT_FILE names.
		if i.name == "COPY" && words[0] == "--from=builder" && path.Dir(words[len(words)-1]) == "/etc/pki/tls/certs" {
			return
		}
	}
	t.Error("the image has no CA certificates for clusters without a bundle")
}

func TestImage_OverridesTheLabelsOfItsBase(t *testing.T) {
	labels := one(t, dockerfile(t, "Dockerfile"), "LABEL")
	for _, name := range []string{
		// Required by Red Hat's catalogue; ubi-micro has other values.
		"name", "com.redhat.component", "summary", "description", "version", "release", "vendor", "maintainer", "url",
		"io.k8s.display-name", "io.k8s.description",
	} {
		if !regexp.MustCompile(`(^|\s)` + regexp.QuoteMeta(name) + `="[^"]+"`).MatchString(labels) {
			t.Errorf("the image has no label %s", name)
		}
	}
	if !strings.Contains(labels, `version="${VERSION}"`) {
		t.Error("the label version is not the image's version")
	}
}
