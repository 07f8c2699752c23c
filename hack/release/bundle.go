package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/openshift/credential-rotation-operator/hack/release/dockerfile"
	"github.com/openshift/credential-rotation-operator/hack/release/oci"
)

// bundleImage writes the bundle with the other images by digest, and the bundle's image.
func (m *maker) bundleImage(ctx context.Context) error {
	if err := m.bundle(ctx); err != nil {
		return err
	}
	// The Dockerfile copies from the checkout; here the bundle that was just written takes its place.
	stage, err := dockerfile.Read(filepath.Join(m.root, "bundle.Dockerfile"), nil)
	if err != nil {
		return err
	}
	labels, err := m.bundleAnnotations()
	if err != nil {
		return err
	}
	maps.Copy(stage.Labels, labels)
	index, err := oci.Build{Stage: stage, Context: m.out, Created: m.facts.CreatedAt}.Index(m.platforms)
	if err != nil {
		return err
	}
	digest, err := oci.Write(m.layout("bundle"), m.tag(), index)
	if err != nil {
		return err
	}
	tell("image", m.layout("bundle"), digest)
	return nil
}

// byDigest is the name of an image that was built before.
func (m *maker) byDigest(layout, repository string) (string, error) {
	index, tag, err := oci.Read(m.layout(layout))
	if err != nil {
		return "", err
	}
	if tag != m.tag() {
		return "", fmt.Errorf("%s has version %s, not %s: build it again", m.layout(layout), tag, m.tag())
	}
	digest, err := index.Digest()
	return repository + "@" + digest.String(), err
}

func (m *maker) bundle(ctx context.Context) error {
	image, err := m.byDigest("operator", m.facts.Image)
	if err != nil {
		return err
	}
	gather, err := m.byDigest("must-gather", m.facts.MustGatherImage)
	if err != nil {
		return err
	}
	out, err := filepath.Abs(filepath.Join(m.out, "bundle"))
	if err != nil {
		return err
	}
	channels, err := m.facts.ChannelsOf(m.version)
	if err != nil {
		return err
	}
	manifests, err := m.command(ctx, ".", nil, "go", "tool", "-modfile=hack/tools/go.mod", "kustomize", "build", "config/manifests")
	if err != nil {
		return err
	}
	_, err = m.command(ctx, "hack/bundle", bytes.NewReader(manifests), "go", "run", ".", "-version", m.version, "-image", image,
		"-must-gather-image", gather, "-channels", strings.Join(channels, ","), "-out", out)
	return err
}

// command runs a program in a directory of the checkout.
func (m *maker) command(ctx context.Context, folder string, in io.Reader, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdin, cmd.Stderr = filepath.Join(m.root, folder), in, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return out, err
}

// bundleAnnotations are the labels of the bundle's image, which OLM reads instead of the file.
func (m *maker) bundleAnnotations() (map[string]string, error) {
	raw, err := os.ReadFile(filepath.Join(m.out, "bundle", "metadata", "annotations.yaml"))
	if err != nil {
		return nil, err
	}
	var metadata struct{ Annotations map[string]string }
	if err := yaml.Unmarshal(raw, &metadata); err != nil {
		return nil, err
	}
	return metadata.Annotations, nil
}
