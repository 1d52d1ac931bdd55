//! The document of a glTF file and its buffers.

use crate::source::{Files, SourceError};
use gltf::Document;
use gltf::buffer::Source as BufferSource;
use gltf::json::Root;
use std::path::Path;

/// A document with its buffers.
#[derive(Debug)]
pub(super) struct Container {
    pub(super) document: Document,
    pub(super) buffers: Vec<Vec<u8>>,
}

impl Container {
    /// Reads a file, and the files that it names, which must lie in its folder.
    pub(super) fn read(file: &str, files: &Files) -> Result<Container, SourceError> {
        let wrong = |why: String| SourceError::new(file, why);
        let bytes = files.read(file)?;
        let (json, mut binary) = split(&bytes).map_err(wrong)?;
        let invalid = |error: &dyn std::fmt::Display| wrong(format!("this is no valid glTF file: {error}"));
        let root: Root = gltf::json::deserialize::from_slice(json).map_err(|error| invalid(&error))?;
        // The crate's own check looks at these accessors before it knows that they exist.
        let mut accessors = root.meshes.iter().flat_map(|mesh| &mesh.primitives).flat_map(|it| it.attributes.values());
        if let Some(missing) = accessors.find(|it| it.value() >= root.accessors.len()) {
            return Err(invalid(&format_args!("a mesh names accessor {missing}, which does not exist")));
        }
        let document = Document::from_json(root).map_err(|error| invalid(&error))?;
        if let Some(extension) = document.extensions_required().next() {
            return Err(wrong(format!("it requires the extension {extension}: export it without, and uncompressed")));
        }
        let mut buffers = Vec::new();
        for buffer in document.buffers() {
            let content = match buffer.source() {
                BufferSource::Bin => binary.take().ok_or_else(|| wrong("its geometry is missing".to_owned()))?,
                BufferSource::Uri(uri) => read_uri(file, uri, files)?,
            };
            if content.len() < buffer.length() {
                let (said, found) = (buffer.length(), content.len());
                return Err(wrong(format!("buffer {} should have {said} bytes, and has {found}", buffer.index())));
            }
            buffers.push(content);
        }
        Ok(Container { document, buffers })
    }
}

fn read_uri(file: &str, uri: &str, files: &Files) -> Result<Vec<u8>, SourceError> {
    let wrong = |why: String| SourceError::new(file, why);
    if uri.starts_with("data:") {
        return Err(wrong(
            "it holds its geometry as text: export it as .glb, or with a .bin file beside it".to_owned(),
        ));
    }
    if uri.contains(':') || uri.contains('%') || uri.contains('\\') {
        let why = format!("it names the file `{uri}`: rename that to a plain name in the folder of the model");
        return Err(wrong(why));
    }
    let path = Path::new(file).parent().unwrap_or(Path::new("")).join(uri);
    // A path that begins at the root replaces the folder.
    let leaves = Path::new(uri).is_absolute() || uri.split('/').any(|part| part == "..");
    match path.to_str() {
        Some(path) if !leaves => files.read(path),
        _ => Err(wrong(format!("it names the file `{uri}`, which is not in its folder"))),
    }
}

/// The document and the buffer in the bytes of a `.glb` or `.gltf` file.
fn split(bytes: &[u8]) -> Result<(&[u8], Option<Vec<u8>>), String> {
    let number = |at: usize| bytes.get(at..at + 4).map(|it| u32::from_le_bytes([it[0], it[1], it[2], it[3]]) as usize);
    if !bytes.starts_with(b"glTF") {
        return match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'{') => Ok((bytes, None)),
            _ => Err("this is no glTF file: export the model as .glb".to_owned()),
        };
    }
    if number(4) != Some(2) {
        return Err("it has another version of glTF than 2: export it again".to_owned());
    }
    let chunk = |at: usize, kind: &[u8; 4]| {
        let length = number(at).filter(|_| bytes.get(at + 4..at + 8) == Some(kind))?;
        bytes.get(at + 8..(at + 8).checked_add(length)?)
    };
    if number(8) != Some(bytes.len()) {
        return Err(format!(
            "it should have {} bytes, and has {}: copy it again",
            number(8).unwrap_or(12),
            bytes.len()
        ));
    }
    let json = chunk(12, b"JSON").ok_or("its first part is not its document")?;
    let binary = chunk((20 + json.len()).next_multiple_of(4), b"BIN\0").map(<[u8]>::to_vec);
    Ok((json, binary))
}
