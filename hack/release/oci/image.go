package oci

import (
	"fmt"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/openshift/credential-rotation-operator/hack/release/dockerfile"
)

// Build describes an image.
type Build struct {
	// Stage is the last one of its Dockerfile.
	Stage *dockerfile.Stage
	// Context is the directory that COPY copies from.
	Context string
	// Created is the time of the image and of all its files.
	Created time.Time
	// Base returns the base for a platform; nil is scratch.
	Base func(v1.Platform) (v1.Image, error)
	// Made returns the files of another stage: one file, or those in a directory.
	Made func(p v1.Platform, path string) ([]File, error)
}

// Index builds the image for each platform.
func (b Build) Index(platforms []v1.Platform) (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, p := range platforms {
		image, err := b.image(p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: &p}})
	}
	return index, nil
}

func (b Build) image(p v1.Platform) (v1.Image, error) {
	image, err := b.base(p)
	if err != nil {
		return nil, err
	}
	for _, c := range b.Stage.Copies {
		files, err := b.files(p, c)
		if err != nil {
			return nil, err
		}
		layer, err := files.layer(b.Created, b.Base == nil)
		if err != nil {
			return nil, err
		}
		image, err = mutate.Append(image, mutate.Addendum{
			Layer:   layer,
			History: v1.History{Created: v1.Time{Time: b.Created}, CreatedBy: fmt.Sprintf("COPY %s %s", c.Source, c.Target)},
		})
		if err != nil {
			return nil, err
		}
	}
	return b.configured(image, p)
}

func (b Build) base(p v1.Platform) (v1.Image, error) {
	if b.Base != nil {
		return b.Base(p)
	}
	return mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON), nil
}

func (b Build) files(p v1.Platform, c dockerfile.Copy) (tree, error) {
	if c.From == "" {
		return fromDisk(filepath.Join(b.Context, c.Source), c.Target)
	}
	made, err := b.Made(p, c.Source)
	if err != nil {
		return nil, err
	}
	files := tree{}
	for _, f := range made {
		files[inImage(c.Target, f.Name)] = f
	}
	return files, nil
}

func (b Build) configured(image v1.Image, p v1.Platform) (v1.Image, error) {
	old, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config := old.DeepCopy()
	config.OS, config.Architecture, config.Variant = p.OS, p.Architecture, p.Variant
	config.Created = v1.Time{Time: b.Created}
	if config.Config.Labels == nil {
		config.Config.Labels = map[string]string{}
	}
	for name, value := range b.Stage.Labels {
		config.Config.Labels[name] = value
	}
	if b.Stage.User != "" {
		config.Config.User = b.Stage.User
	}
	// As in a container engine, an entry point removes the base's arguments.
	if b.Stage.Entrypoint != nil {
		config.Config.Entrypoint, config.Config.Cmd = b.Stage.Entrypoint, nil
	}
	if b.Stage.Cmd != nil {
		config.Config.Cmd = b.Stage.Cmd
	}
	return mutate.ConfigFile(image, config)
}
