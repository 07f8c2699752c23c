package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"github.com/openshift/credential-rotation-operator/hack/release/attest"
	"github.com/openshift/credential-rotation-operator/hack/release/oci"
)

// release writes all published files of a version.
func (m *maker) release(ctx context.Context) error {
	commit, err := m.commit(ctx)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(m.out); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{m.images, m.bundleImage, m.catalog} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if err := m.manifests(); err != nil {
		return err
	}
	if err := m.bills(); err != nil {
		return err
	}
	if err := m.provenance(commit); err != nil {
		return err
	}
	if err := attest.WriteSums(m.out); err != nil {
		return err
	}
	if err := m.verify(ctx); err != nil {
		return err
	}
	return m.signed(ctx)
}

// commit returns the commit of the checkout, which must have no other changes.
func (m *maker) commit(ctx context.Context) (string, error) {
	changed, err := m.command(ctx, ".", nil, "git", "status", "--porcelain", "--untracked-files=no")
	if err != nil {
		return "", err
	}
	if len(changed) > 0 {
		return "", fmt.Errorf("the checkout has uncommitted changes, but the provenance must name a commit:\n%s", changed)
	}
	out, err := m.command(ctx, ".", nil, "git", "rev-parse", "HEAD")
	return strings.TrimSpace(string(out)), err
}

var imageLine = regexp.MustCompile(`(?m)^(\s*(?:- )?image: )\S+$`)

// manifests writes install.yaml with the image by digest, and monitoring.yaml.
func (m *maker) manifests() error {
	image, err := m.byDigest("operator", m.facts.Image)
	if err != nil {
		return err
	}
	if err := m.operatorHub(); err != nil {
		return err
	}
	raw, err := os.ReadFile(filepath.Join(m.root, "config", "install.yaml"))
	if err != nil {
		return err
	}
	if n := len(imageLine.FindAll(raw, -1)); n != 1 {
		return fmt.Errorf("config/install.yaml names %d images, want one", n)
	}
	if err := os.WriteFile(filepath.Join(m.out, "install.yaml"), imageLine.ReplaceAll(raw, []byte("${1}"+image)), 0o644); err != nil {
		return err
	}
	if raw, err = os.ReadFile(filepath.Join(m.root, "config", "monitoring.yaml")); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(m.out, "monitoring.yaml"), raw, 0o644)
}

// operatorHub writes the bundle in the layout of OperatorHub's repositories: operators/NAME/VERSION, and ci.yaml beside the versions.
func (m *maker) operatorHub() error {
	folder := filepath.Join(m.out, "operatorhub", packageName)
	if err := os.CopyFS(filepath.Join(folder, m.version), os.DirFS(filepath.Join(m.out, "bundle"))); err != nil {
		return err
	}
	raw, err := os.ReadFile(filepath.Join(m.root, "config", "manifests", "ci.yaml"))
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, "ci.yaml"), raw, 0o644)
}

// bills writes a bill of materials for each image: one per platform where each has its own binaries.
func (m *maker) bills() error {
	return errors.Join(
		m.billsOfPrograms("operator", m.facts.Image, packageName),
		m.billsOfPrograms("must-gather", m.facts.MustGatherImage, packageName, "toolbox"),
		m.billOfFiles("bundle", m.facts.BundleImage),
		m.billOfFiles("catalog", m.facts.CatalogImage))
}

func (m *maker) billsOfPrograms(layout, repository string, programs ...string) error {
	index, _, err := oci.Read(m.layout(layout))
	if err != nil {
		return err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return err
	}
	for _, d := range manifest.Manifests {
		var binaries []string
		for _, program := range programs {
			binaries = append(binaries, m.binary(program, *d.Platform))
		}
		image := attest.Image{Name: repository, Version: m.tag(), Digest: d.Digest.String()}
		bill, err := attest.OfBinaries(image, binaries, m.facts.CreatedAt)
		if err != nil {
			return err
		}
		if err := m.sbom(layout+"-"+d.Platform.OS+"-"+d.Platform.Architecture, bill); err != nil {
			return err
		}
	}
	return nil
}

func (m *maker) billOfFiles(name, repository string) error {
	image, err := m.image(name, repository)
	if err != nil {
		return err
	}
	bill, err := attest.OfFiles(image, filepath.Join(m.out, name), m.facts.CreatedAt)
	if err != nil {
		return err
	}
	return m.sbom(name, bill)
}

func (m *maker) image(name, repository string) (attest.Image, error) {
	index, _, err := oci.Read(m.layout(name))
	if err != nil {
		return attest.Image{}, err
	}
	digest, err := index.Digest()
	return attest.Image{Name: repository, Version: m.tag(), Digest: digest.String()}, err
}

func (m *maker) sbom(name string, bill []byte) error {
	folder := filepath.Join(m.out, "sbom")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, name+".cdx.json"), append(bill, '\n'), 0o644)
}

// provenance writes the statement about all files written so far.
func (m *maker) provenance(commit string) error {
	files, err := attest.Sums(m.out)
	if err != nil {
		return err
	}
	var images []attest.Image
	for _, l := range m.layouts() {
		image, err := m.image(l.layout, l.repository)
		if err != nil {
			return err
		}
		images = append(images, image)
	}
	p := attest.Provenance{Version: m.version, Base: m.base, Repository: m.facts.Repository, Commit: commit, GoVersion: runtime.Version()}
	for _, platform := range m.platforms {
		p.Platforms = append(p.Platforms, platform.String())
	}
	raw, err := p.Statement(files, images)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(m.out, "provenance.intoto.json"), append(raw, '\n'), 0o644)
}
