//! The folder of the services, as all commands on its files take it.

use ringshard_services::accounts::Administration;
use ringshard_services::places::{PlacesError, PlacesFile};
use ringshard_services::resources::Store;
use std::error::Error;
use std::path::{Path, PathBuf};

/// Where the services of a server keep their files.
#[derive(clap::Args)]
pub struct ServicesFolder {
    /// Folder of the services: the setting `services` of the server.
    #[arg(long, value_name = "DIR", env = "RINGSHARD_SERVICES_DIR", default_value = "services")]
    dir: PathBuf,
}

impl ServicesFolder {
    /// The folder.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// Opens the accounts. With `create`, there may be none yet.
    ///
    /// # Errors
    /// What is wrong with the database.
    pub fn accounts(&self, create: bool) -> Result<Administration, Box<dyn Error>> {
        Ok(Administration::open(&self.dir, create)?)
    }

    /// The path of the places.
    pub fn places_path(&self) -> PathBuf {
        self.dir.join("places.db")
    }

    /// Opens the places.
    ///
    /// # Errors
    /// There are none, or the file is damaged.
    pub fn places(&self) -> Result<PlacesFile, PlacesError> {
        PlacesFile::open(&self.places_path())
    }

    /// The resources.
    ///
    /// # Errors
    /// The folder is that of the resources itself.
    pub fn resources(&self) -> Result<Store, String> {
        if Store::new(&self.dir).manifest_path().exists() {
            let services = self.dir.parent().unwrap_or(&self.dir).display();
            let dir = self.dir.display();
            return Err(format!(
                "{dir} has the resources themselves: name the folder of the services, --dir {services}"
            ));
        }
        Ok(Store::new(self.dir.join("resources")))
    }
}
