package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/openshift/credential-rotation-operator/hack/release/compile"
	"github.com/openshift/credential-rotation-operator/hack/release/dockerfile"
	"github.com/openshift/credential-rotation-operator/hack/release/oci"
)

const (
	// The paths that the Dockerfiles copy from their builders.
	builtBinary  = "/" + packageName
	builtGather  = "/gather"
	builtToolbox = "/toolbox"
	builderRoots = "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"
	builderLinks = "/links/"

	versionVariable = "github.com/openshift/credential-rotation-operator/internal/version.version"
	toolboxSource   = "hack/release/toolbox"
)

// binary is the file of a program that is built for a platform.
func (m *maker) binary(program string, p v1.Platform) string {
	return filepath.Join(m.out, "bin", fmt.Sprintf("%s-%s-%s", program, p.OS, p.Architecture))
}

// images builds the programs, and from them the image of the operator and the one for must-gather.
func (m *maker) images(ctx context.Context) error {
	for program, build := range map[string]compile.Build{
		packageName: {Source: m.root, VersionVariable: versionVariable, Version: m.version},
		"toolbox":   {Source: filepath.Join(m.root, toolboxSource)},
	} {
		for _, p := range m.platforms {
			fmt.Printf("go build %s %s\n", program, p)
			if err := build.Binary(ctx, p, m.binary(program, p)); err != nil {
				return err
			}
		}
	}
	return errors.Join(m.fromDockerfile(ctx, "operator", "Dockerfile"), m.fromDockerfile(ctx, "must-gather", "hack/release/must-gather.Dockerfile"))
}

// fromDockerfile builds the image that the last stage of a Dockerfile describes from the programs, and writes its layout.
func (m *maker) fromDockerfile(ctx context.Context, layout, file string) error {
	stage, err := dockerfile.Read(filepath.Join(m.root, file), map[string]string{"VERSION": m.tag(), "BASE": m.base})
	if err != nil {
		return err
	}
	base, err := oci.BaseOf(ctx, stage.Base)
	if err != nil {
		return err
	}
	build := oci.Build{Stage: stage, Context: m.root, Created: m.facts.CreatedAt, Base: base, Made: func(p v1.Platform, path string) ([]oci.File, error) {
		return m.made(layout, p, path)
	}}
	index, err := build.Index(m.platforms)
	if err != nil {
		return err
	}
	digest, err := oci.Write(m.layout(layout), m.tag(), index)
	if err != nil {
		return err
	}
	tell("image", m.layout(layout), digest)
	return nil
}

// made replaces the builder of a Dockerfile.
func (m *maker) made(layout string, p v1.Platform, path string) ([]oci.File, error) {
	switch path {
	case builtBinary, builtGather:
		return m.program(packageName, p)
	case builtToolbox:
		return m.program("toolbox", p)
	case builderRoots:
		return []oci.File{{Content: oci.Roots()}}, nil
	case builderLinks:
		return m.links(layout)
	}
	return nil, fmt.Errorf("the Dockerfile copies %s from its builder, which this program cannot provide", path)
}

func (m *maker) program(name string, p v1.Platform) ([]oci.File, error) {
	raw, err := os.ReadFile(m.binary(name, p))
	return []oci.File{{Name: name, Content: raw, Executable: true}}, err
}

// links are the further names of an image's program.
func (m *maker) links(layout string) ([]oci.File, error) {
	if layout == "operator" {
		return []oci.File{{Name: "gather", Link: builtBinary}}, nil
	}
	raw, err := os.ReadFile(filepath.Join(m.root, toolboxSource, "programs.txt"))
	var files []oci.File
	for name := range strings.FieldsSeq(string(raw)) {
		files = append(files, oci.File{Name: name, Link: builtToolbox})
	}
	return files, err
}
