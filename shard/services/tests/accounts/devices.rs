//! Login by device.

use super::folder::{Folder, HOME, log_in, register};
use ring::signature::{Ed25519KeyPair, KeyPair};
use ringshard_services::accounts::{
    Accounts, Challenge, Credentials, DeviceProof, LoginError, Way, signed_to_add, signed_to_log_in,
};

/// A player's device.
struct Device(Ed25519KeyPair);

impl Device {
    fn new(seed: u8) -> Self {
        Device(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap())
    }

    fn key(&self) -> [u8; 32] {
        self.0.public_key().as_ref().try_into().unwrap()
    }

    fn challenge(&self, accounts: &Accounts) -> Challenge {
        accounts.challenge(HOME, self.key()).unwrap()
    }

    fn sign(&self, challenge: Challenge, what: fn(&Challenge) -> Vec<u8>) -> DeviceProof {
        let signature = self.0.sign(&what(&challenge)).as_ref().try_into().unwrap();
        DeviceProof { key: self.key(), challenge, signature }
    }

    async fn log_in(&self, accounts: &Accounts) -> Result<ringshard_services::accounts::Login, LoginError> {
        let proof = self.sign(self.challenge(accounts), signed_to_log_in);
        accounts.login(HOME, Credentials::Device(proof)).await
    }
}

#[tokio::test]
async fn a_device_logs_in_until_it_is_removed_and_its_sessions_end_with_it() {
    let folder = Folder::new();
    let accounts = folder.accounts();
    let ann = register(&accounts, "ann").await.profile;
    let phone = Device::new(1);
    assert_eq!(phone.log_in(&accounts).await.unwrap_err(), LoginError::WrongDevice, "nobody knows it yet");
    let proof = phone.sign(phone.challenge(&accounts), signed_to_add);
    let added = accounts.add_device(ann.id, proof, "phone").await.unwrap();
    let login = phone.log_in(&accounts).await.unwrap();
    assert_eq!(login.profile, ann);
    assert_eq!(accounts.sessions(ann.id).await.unwrap()[0].way, Way::Device);
    assert_eq!(accounts.devices(ann.id).await.unwrap(), std::slice::from_ref(&added));
    assert_eq!(accounts.remove_device(ann.id, added.id).await, Ok(true));
    assert_eq!(accounts.identify(HOME, login.token.reveal()).await, Err(LoginError::NoSession));
    assert_eq!(phone.log_in(&accounts).await.unwrap_err(), LoginError::WrongDevice);
    assert!(log_in(&accounts, "ann").await.is_ok());
}

#[tokio::test]
async fn a_proof_is_good_for_one_use_one_purpose_and_one_key() {
    let folder = Folder::new();
    let accounts = folder.accounts();
    let ann = register(&accounts, "ann").await.profile;
    let bea = register(&accounts, "bea").await.profile;
    let (phone, other) = (Device::new(1), Device::new(2));
    let to_add = phone.sign(phone.challenge(&accounts), signed_to_add);
    accounts.add_device(ann.id, to_add, "phone").await.unwrap();
    let again = accounts.add_device(ann.id, to_add, "phone").await.unwrap_err();
    assert_eq!(again, LoginError::WrongDevice, "the challenge is used up");
    let elsewhere = phone.sign(phone.challenge(&accounts), signed_to_add);
    assert_eq!(accounts.add_device(bea.id, elsewhere, "stolen").await.unwrap_err(), LoginError::DeviceTaken);

    let proof = phone.sign(phone.challenge(&accounts), signed_to_log_in);
    let refused = |proof: DeviceProof| accounts.login(HOME, Credentials::Device(proof));
    let for_adding = phone.sign(phone.challenge(&accounts), signed_to_add);
    assert_eq!(refused(for_adding).await.unwrap_err(), LoginError::WrongDevice);
    let of_other = DeviceProof { key: phone.key(), ..other.sign(phone.challenge(&accounts), signed_to_log_in) };
    assert_eq!(refused(of_other).await.unwrap_err(), LoginError::WrongDevice);
    let anothers_challenge = phone.sign(other.challenge(&accounts), signed_to_log_in);
    assert_eq!(refused(anothers_challenge).await.unwrap_err(), LoginError::WrongDevice);
    let invented = phone.sign(Challenge([7; 32]), signed_to_log_in);
    assert_eq!(refused(invented).await.unwrap_err(), LoginError::WrongDevice);
    assert!(refused(proof).await.is_ok(), "guesses have not spoiled it");
    assert_eq!(refused(proof).await.unwrap_err(), LoginError::WrongDevice);
}

#[tokio::test]
async fn an_account_has_a_bounded_number_of_devices() {
    let folder = Folder::new();
    let accounts = folder.accounts();
    let ann = register(&accounts, "ann").await.profile;
    for seed in 1..=17 {
        let device = Device::new(seed);
        let proof = device.sign(device.challenge(&accounts), signed_to_add);
        let added = accounts.add_device(ann.id, proof, "").await;
        assert_eq!(added.map(drop), if seed <= 16 { Ok(()) } else { Err(LoginError::TooManyDevices(16)) });
    }
}
