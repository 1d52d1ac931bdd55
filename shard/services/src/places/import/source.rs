//! Reads the rows of a source: CSV with a line of titles, or JSON objects in an array or one a line.

use super::build::Row;
use super::columns::{Columns, Layout};
use super::{Import, ImportError};
use serde_json::{Map, Value};
use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The longest row of a JSON source, in bytes.
const ROW_BYTES_MAX: u64 = 1 << 20;

/// The format of a source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Values separated by commas, with a line of titles.
    Csv,
    /// An array of objects, or an object a line.
    Json,
}

impl Format {
    /// The format that the ending of a file's name says.
    pub fn of(path: &Path) -> Option<Format> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Format::Csv),
            "json" | "jsonl" | "ndjson" => Some(Format::Json),
            _ => None,
        }
    }
}

/// The rows of a source, one after another.
pub struct Records {
    path: PathBuf,
    length: u64,
    read: Rc<Cell<u64>>,
    rows: Rows,
}

enum Rows {
    Csv(csv::Reader<Counted>, csv::ByteRecord, Layout),
    Json(Objects, Columns),
}

impl Records {
    /// Opens the source and finds its columns.
    pub fn open(import: &Import<'_>) -> Result<Records, ImportError> {
        let path = import.source.to_owned();
        let failed = |reason: String| ImportError::Source { path: path.clone(), reason };
        let file = File::open(&path).map_err(|error| failed(error.to_string()))?;
        let length = file.metadata().map_or(0, |it| it.len());
        let read = Rc::new(Cell::new(0));
        let counted = Counted { file, read: Rc::clone(&read) };
        let rows = match import.format {
            Format::Csv => {
                let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(counted);
                let titles = reader.headers().map_err(|error| failed(error.to_string()))?.clone();
                let titles: Vec<&str> =
                    titles.iter().map(|title| title.trim().trim_start_matches('\u{feff}')).collect();
                let layout = Layout::new(&import.columns, &titles).map_err(failed)?;
                Rows::Csv(reader, csv::ByteRecord::new(), layout)
            }
            Format::Json => Rows::Json(Objects { reader: BufReader::new(counted) }, import.columns.clone()),
        };
        Ok(Records { path, length, read, rows })
    }

    /// The next row: a place, or why it is none.
    pub fn next(&mut self) -> Result<Option<Result<Row, String>>, ImportError> {
        let failed = |reason: String| ImportError::Source { path: self.path.clone(), reason };
        match &mut self.rows {
            Rows::Csv(reader, record, layout) => {
                let is_row = reader.read_byte_record(record).map_err(|error| failed(error.to_string()))?;
                Ok(is_row.then(|| csv_row(record, layout)))
            }
            Rows::Json(objects, columns) => {
                let object = objects.next().map_err(failed)?;
                Ok(object.map(|object| object.and_then(|object| json_row(&object, columns))))
            }
        }
    }

    /// How much of the source was read, from 0 to 1.
    pub fn part(&self) -> f64 {
        (self.read.get() as f64 / self.length.max(1) as f64).min(1.0)
    }
}

fn csv_row(record: &csv::ByteRecord, layout: &Layout) -> Result<Row, String> {
    if record.iter().any(|cell| str::from_utf8(cell).is_err()) {
        return Err("it is no UTF-8 text".to_owned());
    }
    layout.read(|at| record.get(at).and_then(|cell| str::from_utf8(cell).ok()))
}

fn json_row(object: &Map<String, Value>, columns: &Columns) -> Result<Row, String> {
    let titles: Vec<&str> = object.keys().map(String::as_str).collect();
    let cells: Vec<String> = object
        .values()
        .map(|value| match value {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        })
        .collect();
    Layout::new(columns, &titles)?.read(|at| cells.get(at).map(String::as_str))
}

/// The objects of a JSON source. Finds where each one ends, so that only one at a time is in memory.
struct Objects {
    reader: BufReader<Counted>,
}

/// An object of the source: its fields, or what is wrong with it.
type Object = Result<Map<String, Value>, String>;

impl Objects {
    fn next(&mut self) -> Result<Option<Object>, String> {
        // Between objects there are blanks, and the brackets and commas of an array.
        let first = loop {
            let buffer = self.reader.fill_buf().map_err(|error| error.to_string())?;
            let Some(&byte) = buffer.first() else { return Ok(None) };
            match byte {
                b'{' => break byte,
                b' ' | b'\t' | b'\r' | b'\n' | b',' | b'[' | b']' => self.reader.consume(1),
                other => {
                    return Err(format!(
                        "it has `{}` where an object should begin",
                        char::from(other).escape_default()
                    ));
                }
            }
        };
        assert_eq!(first, b'{', "an object begins with a brace");
        let text = self.object_text()?;
        Ok(Some(serde_json::from_slice(&text).map_err(|error| format!("it is no JSON object: {error}"))))
    }

    /// The text of an object, from brace to brace.
    fn object_text(&mut self) -> Result<Vec<u8>, String> {
        let (mut text, mut depth, mut in_string, mut escaped) = (Vec::new(), 0_u32, false, false);
        loop {
            let buffer = self.reader.fill_buf().map_err(|error| error.to_string())?;
            if buffer.is_empty() {
                return Err("it ends in the middle of an object".to_owned());
            }
            let mut end = None;
            for (at, &byte) in buffer.iter().enumerate() {
                match byte {
                    _ if escaped => escaped = false,
                    b'\\' if in_string => escaped = true,
                    b'"' => in_string = !in_string,
                    b'{' if !in_string => depth += 1,
                    b'}' if !in_string => depth -= 1,
                    _ => {}
                }
                if depth == 0 {
                    end = Some(at + 1);
                    break;
                }
            }
            let taken = end.unwrap_or(buffer.len());
            text.extend_from_slice(&buffer[..taken]);
            self.reader.consume(taken);
            if end.is_some() {
                return Ok(text);
            }
            if text.len() as u64 > ROW_BYTES_MAX {
                return Err(format!("an object has more than {ROW_BYTES_MAX} bytes"));
            }
        }
    }
}

/// A file that counts what was read.
struct Counted {
    file: File,
    read: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read.set(self.read.get() + read as u64);
        Ok(read)
    }
}
