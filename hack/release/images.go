package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/openshift/credential-rotation-operator/hack/release/compile"
	"github.com/openshift/credential-rotation-operator/hack/release/dockerfile"
	"github.com/openshift/credential-rotation-operator/hack/release/oci"
)

const (
	// The paths that the Dockerfile copies from its builder.
	builtBinary  = "/" + packageName
	builderRoots = "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"
	builderLinks = "/links/"

	versionVariable = "github.com/openshift/credential-rotation-operator/internal/version.version"
)

// binary is the file that is built for a platform.
func (m *maker) binary(p v1.Platform) string {
	return filepath.Join(m.out, "bin", fmt.Sprintf("%s-%s-%s", packageName, p.OS, p.Architecture))
}

// images builds the binaries, and the image of the operator from them.
func (m *maker) images(ctx context.Context) error {
	build := compile.Build{Source: m.root, VersionVariable: versionVariable, Version: m.version}
	for _, p := range m.platforms {
		fmt.Printf("go build %s\n", p)
		if err := build.Binary(ctx, p, m.binary(p)); err != nil {
			return err
		}
	}
	index, err := m.operator(ctx)
	if err != nil {
		return err
	}
	digest, err := oci.Write(m.layout("operator"), m.tag(), index)
	if err != nil {
		return err
	}
	tell("image", m.layout("operator"), digest)
	return nil
}

// operator builds the image that the Dockerfile describes from the binaries.
func (m *maker) operator(ctx context.Context) (v1.ImageIndex, error) {
	stage, err := dockerfile.Read(filepath.Join(m.root, "Dockerfile"), map[string]string{"VERSION": m.tag(), "BASE": m.base})
	if err != nil {
		return nil, err
	}
	base, err := oci.BaseOf(ctx, stage.Base)
	if err != nil {
		return nil, err
	}
	return oci.Build{Stage: stage, Context: m.root, Created: m.facts.CreatedAt, Base: base, Made: m.made}.Index(m.platforms)
}

// made replaces the Dockerfile's builder.
func (m *maker) made(p v1.Platform, path string) ([]oci.File, error) {
	switch path {
	case builtBinary:
		raw, err := os.ReadFile(m.binary(p))
		return []oci.File{{Name: packageName, Content: raw, Executable: true}}, err
	case builderRoots:
		return []oci.File{{Content: oci.Roots()}}, nil
	case builderLinks:
		return []oci.File{{Name: "gather", Link: builtBinary}}, nil
	}
	return nil, fmt.Errorf("the Dockerfile copies %s from its builder, which this program cannot provide", path)
}
