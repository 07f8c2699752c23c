package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/openshift/credential-rotation-operator/hack/release/attest"
	"github.com/openshift/credential-rotation-operator/hack/release/catalog"
	"github.com/openshift/credential-rotation-operator/hack/release/facts"
)

// verify checks a written release: its checksums, its catalog, and that no description has a placeholder.
func (m *maker) verify(context.Context) error {
	if err := attest.VerifySums(m.out); err != nil {
		return err
	}
	if _, err := catalog.Read(filepath.Join(m.out, "catalog", packageName, "catalog.yaml")); err != nil {
		return err
	}
	if err := m.noPlaceholder(); err != nil {
		return err
	}
	fmt.Printf("verified %s\n", m.out)
	return nil
}

// noPlaceholder checks only descriptions, because schemas and samples use the example names of RFC 2606 on purpose.
func (m *maker) noPlaceholder() error {
	var wrong []error
	files, err := filepath.Glob(filepath.Join(m.out, "sbom", "*.json"))
	if err != nil {
		return err
	}
	files = append(files, filepath.Join(m.out, "provenance.intoto.json"))
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if p := facts.Placeholder(string(raw)); p != "" {
			wrong = append(wrong, fmt.Errorf("%s has the placeholder %q", file, p))
		}
	}
	return errors.Join(append(wrong, m.noTag())...)
}

// noTag finds our images named by a tag in the manifests: a tag can be moved.
func (m *maker) noTag() error {
	return filepath.WalkDir(m.out, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, l := range m.layouts() {
			if strings.Contains(string(raw), l.repository+":") {
				return fmt.Errorf("%s names %s by a tag", path, l.repository)
			}
		}
		return nil
	})
}

// signed signs the checksums, which cover all files, with cosign.
func (m *maker) signed(ctx context.Context) error {
	if m.sign == "" {
		return nil
	}
	sums := filepath.Join(m.out, attest.SumsFile)
	args := []string{"sign-blob", "--yes", "--bundle", sums + ".sigstore.json"}
	if m.sign != "keyless" {
		args = append(args, "--key", m.sign)
	}
	args = append(args, sums)
	cosign, err := exec.LookPath("cosign")
	if err != nil {
		return fmt.Errorf("the release is complete but not signed, because cosign was not found. On a machine with cosign, run: cosign %s", strings.Join(args, " "))
	}
	cmd := exec.CommandContext(ctx, cosign, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("cosign: %w", err)
	}
	return nil
}
