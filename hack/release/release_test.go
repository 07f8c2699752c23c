package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/openshift/credential-rotation-operator/hack/release/catalog"
	"github.com/openshift/credential-rotation-operator/hack/release/facts"
)

// committed is a repository with the sources of the bundle.
func committed(t *testing.T) string {
	t.Helper()
	root := checkout(t)
	for _, folder := range []string{"config", "hack/bundle", "hack/release", "hack/tools"} {
		if err := os.RemoveAll(filepath.Join(root, folder)); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(filepath.Join(root, folder), os.DirFS(filepath.Join("../..", folder))); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-q", "-m", "all"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return root
}

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// The release takes seconds, so all parts of the test check the same one.
func TestRelease(t *testing.T) {
	root, out := committed(t), t.TempDir()
	flags := []string{"-root", root, "-out", out, "-version", "0.2.0", "-platforms", "linux/amd64"}
	if err := run(t.Context(), append([]string{"release"}, flags...)); err != nil {
		t.Fatal(err)
	}
	t.Run("writes all published files", func(t *testing.T) {
		for _, name := range []string{"bin/credential-rotation-operator-linux-amd64", "images/operator/index.json", "images/must-gather/index.json",
			"images/bundle/index.json",
			"images/catalog/index.json", "bundle/metadata/annotations.yaml", "catalog/credential-rotation-operator/catalog.yaml", "install.yaml",
			"monitoring.yaml", "operatorhub/credential-rotation-operator/ci.yaml",
			"operatorhub/credential-rotation-operator/0.2.0/metadata/annotations.yaml", "sbom/operator-linux-amd64.cdx.json",
			"sbom/must-gather-linux-amd64.cdx.json", "sbom/bundle.cdx.json", "sbom/catalog.cdx.json", "provenance.intoto.json", "SHA256SUMS"} {
			if info, err := os.Stat(filepath.Join(out, name)); err != nil || info.Size() == 0 {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	t.Run("names the image by its digest everywhere", func(t *testing.T) { namesByDigest(t, out, root) })
	t.Run("has no placeholder in descriptions", func(t *testing.T) {
		csv := read(t, filepath.Join(out, "bundle/manifests/credential-rotation-operator.clusterserviceversion.yaml"))
		// The samples contain example hosts on purpose; only the rest is checked.
		_, rest, _ := strings.Cut(csv, "    capabilities:")
		if p := facts.Placeholder(rest); p != "" {
			t.Errorf("the ClusterServiceVersion has the placeholder %q", p)
		}
	})
	t.Run("has bills of materials and provenance", func(t *testing.T) { saysWhatItIsMadeOf(t, out, root) })
	t.Run("has a catalog for the next version to extend", func(t *testing.T) {
		c, err := catalog.Read(filepath.Join(out, "catalog/credential-rotation-operator/catalog.yaml"))
		if err != nil || len(c) != 4 {
			t.Fatalf("the catalog has %d objects, want the package, two channels and the bundle (%v)", len(c), err)
		}
		// OLM reads from the catalog which manifests are optional.
		raw := read(t, filepath.Join(out, "catalog/credential-rotation-operator/catalog.yaml"))
		if strings.Contains(raw, "olm.bundle.object") || !strings.Contains(raw, "olm.manifests.optional") {
			t.Error("the catalog has bundle objects, or does not list the optional manifests")
		}
	})
	t.Run("fails verification after a file is added or changed", func(t *testing.T) {
		verify := append([]string{"verify"}, flags...)
		if err := run(t.Context(), verify); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(out, "install.yaml"), "kind: Surprise\n")
		if err := run(t.Context(), verify); err == nil || !strings.Contains(err.Error(), "install.yaml does not match") {
			t.Errorf("error = %v", err)
		}
	})
	t.Run("is refused for uncommitted changes", func(t *testing.T) {
		write(t, filepath.Join(root, "LICENSE"), "another\n")
		if err := run(t.Context(), append([]string{"release"}, flags...)); err == nil || !strings.Contains(err.Error(), "uncommitted changes") {
			t.Errorf("error = %v", err)
		}
	})
}

var programImages = regexp.MustCompile(`quay\.io/openshift/credential-rotation-operator(-must-gather)?[^\s"-]*`)

func namesByDigest(t *testing.T, out, root string) {
	t.Helper()
	m, err := parse("verify", []string{"-root", root, "-out", out, "-version", "0.2.0"})
	if err != nil {
		t.Fatal(err)
	}
	for layout, repository := range map[string]string{"operator": m.facts.Image, "must-gather": m.facts.MustGatherImage} {
		want, err := m.byDigest(layout, repository)
		if err != nil {
			t.Fatal(err)
		}
		for file, times := range map[string]map[string]int{
			"install.yaml": {"operator": 1},
			"bundle/manifests/credential-rotation-operator.clusterserviceversion.yaml": {"operator": 3, "must-gather": 2},
			"catalog/credential-rotation-operator/catalog.yaml":                        {"operator": 2, "must-gather": 2},
		} {
			found := slices.DeleteFunc(programImages.FindAllString(read(t, filepath.Join(out, file)), -1), func(s string) bool {
				name, _, digest := strings.Cut(s, "@")
				return name != repository || !digest
			})
			if len(found) != times[layout] || slices.ContainsFunc(found, func(s string) bool { return s != want }) {
				t.Errorf("%s names %q, want %s %d times", file, found, want, times[layout])
			}
		}
	}
}

func saysWhatItIsMadeOf(t *testing.T, out, root string) {
	t.Helper()
	var statement struct {
		Type          string `json:"_type"`
		PredicateType string `json:"predicateType"`
		Subject       []struct {
			Name   string
			Digest map[string]string
		}
		Predicate struct {
			BuildDefinition struct {
				ResolvedDependencies []struct{ Digest map[string]string }
			}
		}
	}
	if err := json.Unmarshal([]byte(read(t, filepath.Join(out, "provenance.intoto.json"))), &statement); err != nil {
		t.Fatal(err)
	}
	head, err := exec.Command("git", "-C", root, "rev-parse", "HEAD").Output()
	if err != nil {
		t.Fatal(err)
	}
	if statement.Type != "https://in-toto.io/Statement/v1" || statement.PredicateType != "https://slsa.dev/provenance/v1" ||
		statement.Predicate.BuildDefinition.ResolvedDependencies[0].Digest["gitCommit"] != strings.TrimSpace(string(head)) {
		t.Errorf("%+v", statement)
	}
	sums := read(t, filepath.Join(out, "SHA256SUMS"))
	for _, s := range statement.Subject[4:] {
		if !strings.Contains(sums, s.Digest["sha256"]+"  "+s.Name+"\n") {
			t.Errorf("the checksums do not contain %s", s.Name)
		}
	}
	var bill struct {
		BomFormat  string
		Components []struct {
			Name       string
			Properties []struct{ Name, Value string }
		}
	}
	if err := json.Unmarshal([]byte(read(t, filepath.Join(out, "sbom/operator-linux-amd64.cdx.json"))), &bill); err != nil {
		t.Fatal(err)
	}
	var fips string
	for _, p := range bill.Components[0].Properties {
		if p.Name == "go:build:GOFIPS140" {
			fips = p.Value
		}
	}
	if bill.BomFormat != "CycloneDX" || bill.Components[1].Name != "stdlib" || !strings.HasPrefix(fips, "v1.0.0") {
		t.Errorf("%+v", bill)
	}
}

func TestSign_RunsCosignOverTheChecksums(t *testing.T) {
	bin, out := t.TempDir(), t.TempDir()
	m := &maker{out: out, sign: "release.key"}
	t.Setenv("PATH", bin)
	if err := m.signed(t.Context()); err == nil || !strings.Contains(err.Error(), "cosign sign-blob") {
		t.Errorf("without cosign: %v", err)
	}
	write(t, filepath.Join(bin, "cosign"), "#!/bin/sh\necho \"$@\" > "+out+"/said\n")
	if err := os.Chmod(filepath.Join(bin, "cosign"), 0o755); err != nil {
		t.Fatal(err)
	}
	for sign, want := range map[string]string{
		"release.key": "sign-blob --yes --bundle " + out + "/SHA256SUMS.sigstore.json --key release.key " + out + "/SHA256SUMS\n",
		"keyless":     "sign-blob --yes --bundle " + out + "/SHA256SUMS.sigstore.json " + out + "/SHA256SUMS\n",
	} {
		m.sign = sign
		if err := m.signed(t.Context()); err != nil {
			t.Fatal(err)
		}
		if said := read(t, out+"/said"); said != want {
			t.Errorf("cosign was run with %q, want %q", said, want)
		}
	}
}

func TestVersion_IsRefusedIfInvalid(t *testing.T) {
	for _, version := range []string{"", "v0.1.0", "0.1", "latest"} {
		if err := run(t.Context(), []string{"push", "-root", "../..", "-version", version}); err == nil || !strings.Contains(err.Error(), "is not a version") {
			t.Errorf("%q: %v", version, err)
		}
	}
}
